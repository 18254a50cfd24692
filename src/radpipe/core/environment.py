"""The environment of a step's process: what a variable may decide, and what radpipe does with it.

Libraries read hundreds of variables that choose kernels, threads, precisions, codecs, a locale or
an order, and new versions of them read others. So a step sees none but those named here: `SET` and
`KERNELS` have a value of radpipe's own, whatever the user's shell says; `KEPT` come from the user
and say where things are, who one is, or which hardware a job may use; every other is removed.
`REMOVED` names known ones, for readers and tests. The values stand in code, which the key of every
receipt holds, and which kernels a variant trains with stands in its recipe.

Variables count from the start of a process, before NumPy or torch is loaded. A step's script
therefore begins with `pin`, which costs one start of the interpreter (20 ms); this module loads
nothing else before it.
"""

import os
import sys

# For type checkers alone: `typing` takes as long to load as the interpreter itself, and the process
# that loads it here is left behind.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

# Tells the process that `pin` started from all others.
MARK = "RADPIPE_PINNED"

# Variable to value, and what it decides.
SET: dict[str, tuple[str, str]] = {
    "PYTHONHASHSEED": ("0", "the order of sets of text"),
    "PYTHONUTF8": ("1", "how text files are read"),
    "LC_ALL": ("C.UTF-8", "sorting, decimal commas, names of files, messages of the system"),
    "TZ": ("UTC", "times that are shown, as in logs"),
    "OMP_NUM_THREADS": (
        "1",
        "threads of linear algebra; trainings and predictions take those of the recipe",
    ),
    "CUBLAS_WORKSPACE_CONFIG": (":4096:8", "whether cuBLAS adds up in a fixed order"),
    "MPLBACKEND": ("agg", "how figures are drawn"),
    "PYDANTIC_DISABLE_PLUGINS": (
        "__all__",
        "whether other installed packages take part in checking settings",
    ),
}

# The same for processors that can do AVX2: all of them then take one path through NumPy, SciPy,
# scikit-learn and Arrow. NumPy's own names changed with 2.4; unknown ones only warn.
SET_ON_AVX2: dict[str, tuple[str, str]] = {
    "NPY_DISABLE_CPU_FEATURES": (
        "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
        "NumPy's kernels: sums, exp, log and others have other last bits with AVX-512",
    ),
    "OPENBLAS_CORETYPE": ("Haswell", "OpenBLAS' kernels: products, decompositions, solvers"),
    "ARROW_USER_SIMD_LEVEL": ("AVX2", "Arrow's kernels"),
}

# What makes torch use the same kernels everywhere; by the setting `train.kernels`. Native ones are
# the processor's best, but not MKL's default: there the last bits of a linear layer depend on where
# in memory its input happens to lie. AUTO costs no time.
KERNELS: dict[str, dict[str, str]] = {
    "native": {"MKL_CBWR": "AUTO"},
    "avx512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_CBWR": "COMPATIBLE",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "COMPATIBLE",
    },
}
# What a processor must have for them.
NEEDED: dict[str, frozenset[str]] = {
    "native": frozenset(),
    "avx512": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "fma"}),
    "avx2": frozenset({"avx2", "fma"}),
}
# Of everything that does not train or predict a variant, such as the detector of joints.
DEFAULT = "avx2"

# What comes from the user, and what it says; "X_*" stands for all that begin with "X_".
KEPT: dict[str, str] = {
    "PATH HOME USER LOGNAME SHELL HOSTNAME PWD OLDPWD SHLVL _": "who and where one is",
    "TMPDIR TEMP TMP XDG_*": "where temporary and cached files go",
    "RADPIPE_WEIGHTS": "where starting weights are that all projects of a user share",
    "TERM COLUMNS LINES NO_COLOR": "how messages look",
    "VIRTUAL_ENV CONDA_* PYTHONHOME PYTHONPATH PYTHONNOUSERSITE": (
        "where Python finds packages; receipts name the versions"
    ),
    "PYTHONWARNINGS PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONUNBUFFERED"
    " PYTHONFAULTHANDLER COVERAGE_* COV_CORE_*": "what Python reports and caches",
    "LD_LIBRARY_PATH": "where libraries are; a step refuses numeric ones that come from there",
    "http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY"
    " ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NETRC"
    " KRB5CCNAME GIT_*": "how a download, a file server or Git is reached",
    "SLURM_* SLURMD_* SRUN_* PMI_* PMIX_*": "the job of a cluster",
    "CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES"
    " GPU_DEVICE_ORDINAL": "which GPUs a job may use; receipts name the device",
    "NCCL_SOCKET_IFNAME NCCL_IB_HCA NCCL_IB_DISABLE NCCL_IB_GID_INDEX NCCL_DEBUG GLOO_SOCKET_IFNAME"
    " TP_SOCKET_IFNAME": "how the nodes of a job reach each other",
    "APPTAINER_* SINGULARITY_* container": "the container of a process",
}

# Known to decide bits, order, threads or files, and therefore removed, as is all that is not named
# above. What some of them decide:
REMOVED: dict[str, str] = {
    "DNNL_MAX_CPU_ISA ONEDNN_CPU_ISA_HINTS ONEDNN_DEFAULT_FPMATH_MODE"
    " ONEDNN_PRIMITIVE_CACHE_CAPACITY TORCH_MKLDNN_MATMUL_MIN_DIM TORCH_MKLDNN_MATMUL_MIN_SIZE": (
        "oneDNN's kernels and precision"
    ),
    "MKL_ENABLE_INSTRUCTIONS MKL_DEBUG_CPU_TYPE MKL_NUM_THREADS MKL_DYNAMIC MKL_DISABLE_FAST_MM"
    " MKL_DOMAIN_NUM_THREADS MKL_THREADING_LAYER": "MKL's kernels and threads",
    "OPENBLAS_NUM_THREADS OPENBLAS_DEFAULT_NUM_THREADS OPENBLAS_L2_SIZE OPENBLAS_BLOCK_FACTOR"
    " GOTO_NUM_THREADS BLIS_NUM_THREADS VECLIB_MAXIMUM_THREADS NUMEXPR_NUM_THREADS": (
        "threads and blocks of other linear algebra"
    ),
    "OMP_SCHEDULE OMP_DYNAMIC OMP_THREAD_LIMIT OMP_NESTED OMP_MAX_ACTIVE_LEVELS OMP_PROC_BIND"
    " OMP_PLACES OMP_WAIT_POLICY GOMP_CPU_AFFINITY KMP_AFFINITY KMP_DETERMINISTIC_REDUCTION"
    " KMP_BLOCKTIME": "how OpenMP shares out work",
    "NPY_ENABLE_CPU_FEATURES NPY_PROMOTION_STATE SCIPY_ARRAY_API SKLEARN_ASSUME_FINITE"
    " SKLEARN_WORKING_MEMORY SKLEARN_PAIRWISE_DIST_CHUNK_SIZE JOBLIB_START_METHOD"
    " LOKY_MAX_CPU_COUNT": "kernels, types and pieces of NumPy, SciPy and scikit-learn",
    "NVIDIA_TF32_OVERRIDE TORCH_ALLOW_TF32_CUBLAS_OVERRIDE TORCH_BLAS_PREFER_CUBLASLT"
    " TORCH_LINALG_PREFER_CUSOLVER TORCH_CUDNN_USE_HEURISTIC_MODE_B TORCH_CUDNN_V8_API_DISABLED"
    " CUBLASLT_WORKSPACE_SIZE CUDNN_DETERMINISTIC PYTORCH_TUNABLEOP_ENABLED"
    " PYTORCH_CUDA_ALLOC_CONF CUDA_LAUNCH_BLOCKING": "kernels, precision and memory of GPUs",
    "NCCL_ALGO NCCL_PROTO NCCL_NTHREADS NCCL_MIN_NCHANNELS NCCL_MAX_NCHANNELS": (
        "the order in which several GPUs add up"
    ),
    "FBGEMM_ENABLE_INSTRUCTIONS FBGEMM_NO_ASMJIT PYTORCH_JIT PYTORCH_TENSOREXPR"
    " TORCH_COMPILE_DISABLE TORCH_DEVICE_BACKEND_AUTOLOAD TORCH_LINEAR_FLATTEN_3D": (
        "other paths through torch"
    ),
    "JSIMD_FORCENONE JSIMD_FORCESSE2 OPJ_NUM_THREADS PILLOW_ALIGNMENT PILLOW_BLOCK_SIZE"
    " PYDICOM_FUTURE": "decoders of pictures",
    "GLIBC_TUNABLES LD_PRELOAD LD_AUDIT MALLOC_ARENA_MAX MALLOC_TRIM_THRESHOLD_": (
        "the C library's kernels and memory, and other libraries in its place"
    ),
    "LANG LANGUAGE LC_NUMERIC LC_COLLATE LC_CTYPE LC_TIME PYTHONIOENCODING": "the locale",
    "SOURCE_DATE_EPOCH MPLCONFIGDIR MATPLOTLIBRC MPL_IGNORE_SYSTEM_FONTS": (
        "dates and looks of figures"
    ),
    "PYTHONOPTIMIZE PYTHONDEVMODE PYTHONSTARTUP PYTHONINTMAXSTRDIGITS PYTHONMALLOC"
    " PYTHONPLATLIBDIR PYTHONUSERBASE": "how Python runs code and where it looks for it",
    "ARROW_DEFAULT_MEMORY_POOL ARROW_IO_THREADS PANDAS_COPY_ON_WRITE PANDAS_FUTURE": "tables",
}

_NAMES = frozenset(n for names in KEPT for n in names.split() if not n.endswith("*"))
_DECIDING = frozenset(
    n for names in (*REMOVED, *SET, *SET_ON_AVX2, *KERNELS["avx2"]) for n in names.split()
)
_STEMS = tuple(n[:-1] for names in KEPT for n in names.split() if n.endswith("*"))


def pin(*, kernels_to: "Literal['train', 'predict'] | None" = None) -> None:
    """Go on in a process of the same command whose environment is radpipe's, at once if it is.

    The first thing that a step's script does; what stands before it is done twice.

    Parameters
    ----------
    kernels_to
        Let torch use the kernels with which the variant that the command line names, or those of
        the cohort that it names, are trained or predicted.

    """
    wanted = pinned(os.environ)
    if os.environ.get(MARK) != str(os.getpid()) and dict(os.environ) != wanted:
        # The number stays the same, so that no process does this twice, whatever Python's own
        # start-up files put into the environment.
        wanted[MARK] = str(os.getpid())
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606
    mend()
    if kernels_to:
        # Reads settings, for which the process that is left behind needs not wait.
        from radpipe.core.kernels import pin_kernels

        pin_kernels(kernels_to)


def mend() -> None:
    """Bring the environment of this process into radpipe's form, for what is loaded from now on."""
    wanted = pinned(os.environ)
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)
    os.environ[MARK] = str(os.getpid())


def pinned(variables: "Mapping[str, str]", kernels: str = DEFAULT) -> dict[str, str]:
    """Return the environment that a step gets when it is started with `variables`."""
    named = named_in_settings()
    found = {name: value for name, value in variables.items() if kept(name) or name in named}
    found |= {name: value for name, (value, _) in SET.items()}
    if not lacking("avx2"):
        found |= {name: value for name, (value, _) in SET_ON_AVX2.items()}
        # NumPy warns of names of features that another version of it has.
        warn = found.get("PYTHONWARNINGS", "")
        if not warn.endswith(_QUIET):
            found["PYTHONWARNINGS"] = f"{warn},{_QUIET}" if warn else _QUIET
    return found | KERNELS["native" if lacking(kernels) else kernels]


_QUIET = "ignore::ImportWarning"


def kept(name: str) -> bool:
    """Tell whether a variable comes from the user."""
    return name in _NAMES or name == MARK or name.startswith(_STEMS)


def named_in_settings() -> frozenset[str]:
    """Return the variables that params.yaml names, as $DATA or ${DATA}: paths of sources are kept.

    Their files are known by their hashes. A variable that decides bits is removed all the same.
    """
    try:
        with open("params.yaml", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            pieces = stream.read().split("$")[1:]
    except OSError:
        return frozenset()
    names = set()
    for piece in (piece.lstrip("{") for piece in pieces):
        ends = (k for k, sign in enumerate(piece) if not (sign == "_" or sign.isalnum()))
        names.add(piece[: next(ends, len(piece))])
    return frozenset(names - _DECIDING)


def use_kernels(kernels: str) -> None:
    """Let torch, which this process has not loaded yet, use the kernels of this name.

    Where the processor lacks them, its own: what it cannot do would end the process.
    """
    for name in KERNELS[DEFAULT]:
        os.environ.pop(name, None)
    os.environ.update(KERNELS["native" if lacking(kernels) else kernels])


def kernels_in_use() -> str:
    """Return the name of the kernels that this process's environment asks for.

    Raises
    ------
    RuntimeError
        It asks for none of them: the process did not begin with `pin`.

    """
    names = KERNELS[DEFAULT]
    asked = {name: os.environ[name] for name in names if name in os.environ}
    for kernels, variables in KERNELS.items():
        if variables == asked:
            return kernels
    raise RuntimeError(f"no kernels of radpipe's: {asked}")


def is_pinned() -> bool:
    """Tell whether this process has begun with `pin`; what libraries set since then is theirs."""
    return os.environ.get(MARK) == str(os.getpid())


def lacking(kernels: str) -> list[str]:
    """List the instruction sets that kernels of this name need and this processor lacks."""
    return sorted(NEEDED[kernels] - flags())


def flags() -> frozenset[str]:
    """Return the instruction sets that the system says this processor has; empty if it does not."""
    try:
        with open("/proc/cpuinfo", "rb") as stream:  # noqa: PTH123 - pathlib takes 5 ms to load
            text = stream.read(8192)
    except OSError:
        return frozenset()
    _, _, rest = text.partition(b"\nflags")
    return frozenset(rest.partition(b":")[2].partition(b"\n")[0].decode().split())
