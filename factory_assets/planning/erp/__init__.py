"""What comes from an MES or ERP, and what goes back: SQL databases and B2MML."""
