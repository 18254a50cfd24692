"""DICOM films, from a file's bytes to displayed grey."""

from radpipe.imaging.dicom.read import DicomFilm, decode_dicom, is_dicom

__all__ = ["DicomFilm", "decode_dicom", "is_dicom"]
