"""Room 3: the dbt project as assets and checks; tables of readings and lives become marts."""
