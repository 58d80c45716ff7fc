"""The command line: one small file per noun, and one boundary that turns errors into exit codes."""
