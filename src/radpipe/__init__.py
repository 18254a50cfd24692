"""radpipe: from a radiology data set to a defended comparison of models."""
