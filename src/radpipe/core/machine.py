"""What of a machine decides last bits, and on which others a run gives the same bytes."""

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from radpipe.core import environment
from radpipe.core.errors import ConfigError

CPUINFO = Path("/proc/cpuinfo")
MAPS = Path("/proc/self/maps")
# Libraries that compute, or decode pictures and tables.
NUMERIC = re.compile(
    r"lib(mkl|dnnl|openblas|scipy_openblas|blas|lapack|blis|m[.-]|mvec|gomp|iomp|omp[.-]|torch|c10"
    r"|cublas|cudnn|cufft|curand|cusolver|cusparse|nccl|jpeg|turbojpeg|openjp2|png|tiff|z[.-]"
    r"|arrow|parquet)"
)
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# oneDNN cuts work into blocks by the second-level cache: from these sizes on, KiB, the blocks of
# the networks that were measured are the same. That is not all that decides: two models of one
# maker, both above these sizes, trained other networks (docs/reference/bits.md).
ENOUGH_CACHE = {"avx2": 512, "avx512": 1024}

# What oneDNN calls the sets of instructions that it tells apart, the newest first, with the flags
# of the system that the newest part of each asks for.
ONEDNN_SETS = {
    "AVX10_1_512_AMX_FP16": {"amx_fp16"},
    "AVX10_1_512_AMX": {"amx_int8", "amx_bf16"},
    "AVX10_1_512": {"avx512_fp16"},
    "AVX512_CORE_BF16": {"avx512_bf16"},
    "AVX512_CORE_VNNI": {"avx512_vnni"},
    "AVX512_CORE": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "AVX2_VNNI": {"avx_vnni"},
    "AVX2": {"avx2"},
    "AVX": {"avx"},
}


@dataclass(frozen=True)
class Machine:
    """What decides which code libraries run and how they cut work into blocks.

    Attributes
    ----------
    architecture
        Such as "x86_64".
    maker, family, model
        Of the processor, as the system says; empty where it does not.
    name
        Of the processor; tells little, because virtual machines of one name differ.
    instructions
        The newest set that oneDNN tells apart.
    cache_kib
        Second-level cache of one processor; None if the system does not say.
    libc
        The C library, whose exp, log and powers Python and NumPy use; versions may differ in
        last bits, and nobody has looked.

    """

    architecture: str
    maker: str
    family: str
    model: str
    name: str
    instructions: str
    cache_kib: int | None
    libc: str = ""

    @property
    def product(self) -> str:
        """How processors are named that may differ in instruction sets and caches."""
        what = f"processors of {self.maker or 'an unknown maker'}"
        return f"{what}, family {self.family} model {self.model},"

    @property
    def kind(self) -> str:
        """How processors are named that may differ in nothing that decides."""
        parts = [self.architecture, self.maker, f"family {self.family} model {self.model}"]
        cache = f"second-level cache of {self.cache_kib or 'unknown'} KiB"
        return ", ".join([*(part for part in parts if part), self.instructions, cache])


def this_machine() -> Machine:
    """Look at the processor of this host."""
    said = _cpuinfo()
    return Machine(
        architecture=platform.machine(),
        maker=said.get("vendor_id", said.get("CPU implementer", "")),
        family=said.get("cpu family", said.get("CPU architecture", "")),
        model=said.get("model", said.get("CPU part", "")),
        name=said.get("model name", platform.processor()),
        instructions=newest_set(environment.flags()),
        cache_kib=_second_level_kib(),
        libc=_libc(),
    )


def lacks_bfloat16() -> bool:
    """Tell whether this processor is known to have no instructions for bfloat16.

    Without them a training takes 11 to 22 times as long as in float32 (docs/reference/bits.md).
    """
    flags = environment.flags()
    return "avx2" in flags and flags.isdisjoint({"avx512_bf16", "amx_bf16"})


def newest_set(flags: frozenset[str]) -> str:
    """Name the newest set of instructions of a processor with these flags."""
    return next((name for name, needed in ONEDNN_SETS.items() if needed <= flags), "other")


def same_bytes_on(
    machine: Machine,
    *,
    kernels: str | None,
    device: str = "cpu",
    precision: str = "float32",
    threads: int = 1,
    places: Sequence[str] = (),
    **_: Any,
) -> str:
    """Say on which machines a run gives the same bytes as on this one; equal texts, equal bytes.

    Parameters
    ----------
    machine
        Where it is made.
    kernels
        The torch kernels that it computes with; None: it uses no torch.
    device
        "cpu", or the name of a GPU.
    precision
        "float32" or "bfloat16".
    threads
        Of all its processes together.
    places
        What this function said of its parts, if it was stopped and taken up again.

    """
    if len(places) > 1:
        return f"no one kind of machine ({'; then '.join(places)})"
    avx2 = machine.instructions.startswith(("AVX2", "AVX512", "AVX10"))
    if device != "cpu":
        return f"GPUs of this kind: {device}"
    if kernels is None and avx2:
        return "x86-64 processors with AVX2"
    least = ENOUGH_CACHE.get(kernels or "")
    known = precision == "float32" or kernels == "avx512"
    if not avx2 or least is None or not known or threads > 1:
        return f"processors of this kind: {machine.kind}"
    what = f"{machine.product} with {'AVX2' if kernels == 'avx2' else 'AVX-512'}"
    if machine.cache_kib is None or machine.cache_kib < least:
        return f"{what} and a second-level cache of {machine.cache_kib or 'unknown'} KiB"
    return f"{what} and a second-level cache of {least} KiB or more"


def facts(machine: Machine, used: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a receipt holds of the machine, and which guarantee follows from it.

    Parameters
    ----------
    machine
        Where the step ran.
    used
        How it computed: the arguments of `same_bytes_on`, and what else is worth telling.

    """
    return {**asdict(machine), **used, "same_bytes_on": same_bytes_on(machine, **used)}


def same_here(then: Mapping[str, Any], now: Machine) -> str:
    """Say on what other machines the bytes of a receipt come out; empty: on this one, too.

    Which GPUs a machine has is not asked, because that takes a driver.

    Parameters
    ----------
    then
        What `facts` gave when the receipt was written.
    now
        This machine.

    """
    names = ("kernels", "device", "precision", "threads")
    here = same_bytes_on(now, **{name: then[name] for name in names if name in then})
    return "" if here == then["same_bytes_on"] else str(then["same_bytes_on"])


def refuse_libraries() -> None:
    """Refuse what was computed with libraries that `LD_LIBRARY_PATH` put into the place of others.

    Raises
    ------
    ConfigError
        Naming them; versions of packages, which receipts hold, say nothing of such libraries.

    """
    folders = [Path(f) for f in os.environ.get("LD_LIBRARY_PATH", "").split(":") if f]
    own = (Path(sys.prefix), Path(sys.base_prefix))
    found = [
        file
        for file in _loaded_libraries()
        if NUMERIC.match(file.name)
        and any(folder in file.parents for folder in folders)
        and not any(place in file.parents for place in own)
    ]
    if found:
        raise ConfigError(
            f"{', '.join(map(str, found))}: taken from LD_LIBRARY_PATH, so other machines would not"
            " compute the same. The way out: take these folders out of LD_LIBRARY_PATH."
        )


def _loaded_libraries() -> list[Path]:
    """Return the libraries that this process has loaded, each once."""
    try:
        lines = MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if ".so" in line and "/" in line}
    return sorted(map(Path, paths))


def _cpuinfo() -> dict[str, str]:
    """Return what the system says of the first processor."""
    try:
        with CPUINFO.open(encoding="utf-8", errors="replace") as stream:
            lines = stream.read(8192).partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in lines)
    return {name.strip(): value.strip() for name, value in pairs}


def _libc() -> str:
    """Return the name and version of the C library; empty if it is not GNU's."""
    name = "CS_GNU_LIBC_VERSION"
    return (os.confstr(name) or "") if name in os.confstr_names else ""


def _second_level_kib() -> int | None:
    """Return the second-level cache of one processor, KiB."""
    for folder in sorted(CACHES.glob("index*")):
        try:
            level = (folder / "level").read_text(encoding="ascii").strip()
            size = (folder / "size").read_text(encoding="ascii").strip()
        except OSError:
            continue
        if level == "2" and size.endswith("K"):
            return int(size[:-1])
    return None
