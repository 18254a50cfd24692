"""DICOM: from a file's bytes to displayed grey and a few technical facts."""
