"""What a network looks at: maps of single cases, and how true they are."""
