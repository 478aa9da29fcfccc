"""Room 4: from sensor tables and lives to models of remaining useful life (RUL)."""
