"""The archive's SQLite file: all SQL of the project lives in this room."""
