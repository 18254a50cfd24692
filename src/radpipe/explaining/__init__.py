"""Where a model looks: maps of pictures and contributions of covariates, one method a file."""
