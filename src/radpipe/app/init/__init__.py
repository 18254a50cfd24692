"""`radpipe init`: look at a folder of pictures, and make a project that compares models on it."""
