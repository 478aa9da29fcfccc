"""The reference plant's ERP: its order book, routings, people and material, as a database."""
