"""`radpipe app`: a page in the browser that shows a model at work on one case."""
