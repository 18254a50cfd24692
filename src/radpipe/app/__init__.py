"""What people look at and type: the report, the command line."""
