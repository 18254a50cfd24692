"""What the page takes at most; the same numbers stand in its words, tests and documents."""

MEGA = 10**6

# Of one file and of all files of a case, bytes: the largest detectors give films of 40 MB.
MAX_FILE = 64 * MEGA
MAX_CASE = 192 * MEGA
MAX_FILES = 16
# From a question to its answer, seconds; then the process is ended. The first one loads torch.
MAX_SECONDS = 60.0
# Memory of the process that decodes and computes, bytes: torch itself takes about half a gigabyte.
MAX_MEMORY = 4 * 2**30
# A page of an address, seconds in all.
MAX_DOWNLOAD_SECONDS = 20.0
