"""What a machine says of itself, and on which others it promises the same bytes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radpipe.core import environment, machine
from radpipe.core.errors import ConfigError
from radpipe.core.machine import (
    Machine,
    facts,
    lacks_bfloat16,
    newest_set,
    same_bytes_on,
    same_here,
    this_machine,
)

EPYC = Machine("x86_64", "AuthenticAMD", "25", "1", "AMD EPYC", "AVX2", 512)
XEON = Machine("x86_64", "GenuineIntel", "6", "106", "Xeon", "AVX512_CORE_VNNI", 1280)
OLD = Machine("x86_64", "GenuineIntel", "6", "79", "Broadwell", "AVX2", 256)
ARM = Machine("aarch64", "0x41", "8", "0xd0c", "", "other", None)


def arithmetic(**changed: Any) -> dict[str, Any]:
    return {"kernels": "avx2", "device": "cpu", "precision": "float32", "threads": 1, **changed}


def test_pinned_float32_is_the_same_on_machines_of_one_model_whatever_they_show_of_it():
    other = replace(EPYC, name="a virtual one", instructions="AVX512_CORE", cache_kib=1024)
    assert same_bytes_on(EPYC, **arithmetic()) == same_bytes_on(other, **arithmetic())
    assert "512 KiB or more" in same_bytes_on(EPYC, **arithmetic())


@pytest.mark.parametrize("changed", [{"maker": "Another"}, {"family": "26"}, {"model": "2"}])
def test_of_another_model_nothing_is_promised(changed):
    """As of the two on which ResNet-18 came to other weights."""
    other = replace(EPYC, **changed)
    assert same_bytes_on(EPYC, **arithmetic()) != same_bytes_on(other, **arithmetic())


def test_a_small_cache_promises_caches_of_its_size_alone():
    assert same_bytes_on(OLD, **arithmetic()).endswith("cache of 256 KiB")
    unknown = replace(XEON, cache_kib=None)
    assert same_bytes_on(unknown, **arithmetic()).endswith("cache of unknown KiB")


@pytest.mark.parametrize(
    "changed",
    [{"kernels": "native"}, {"threads": 2}, {"precision": "bfloat16"}],
)
def test_the_rest_is_promised_on_one_kind_of_processor(changed):
    mine, theirs = (same_bytes_on(m, **arithmetic(**changed)) for m in (EPYC, XEON))
    assert mine == f"processors of this kind: {EPYC.kind}"
    assert mine != theirs


def test_bfloat16_is_promised_under_the_kernels_of_avx512():
    how = arithmetic(kernels="avx512", precision="bfloat16")
    assert same_bytes_on(XEON, **how) == (
        "processors of GenuineIntel, family 6 model 106, with AVX-512"
        " and a second-level cache of 1024 KiB or more"
    )


def test_steps_without_torch_ask_for_avx2_alone():
    assert same_bytes_on(OLD, kernels=None) == same_bytes_on(XEON, kernels=None)
    assert same_bytes_on(ARM, kernels=None) == f"processors of this kind: {ARM.kind}"


def test_what_was_trained_on_two_kinds_of_machines_comes_out_of_none():
    native = arithmetic(kernels="native")
    places = [same_bytes_on(m, **native) for m in (EPYC, XEON)]
    told = facts(XEON, {**native, "places": places})
    assert told["same_bytes_on"] == f"no one kind of machine ({places[0]}; then {places[1]})"
    assert same_here(told, XEON) == told["same_bytes_on"]
    assert same_here(facts(XEON, {**native, "places": places[1:]}), XEON) == ""


def test_a_gpu_is_named():
    assert same_bytes_on(XEON, **arithmetic(device="H200")) == "GPUs of this kind: H200"


def test_a_receipt_is_compared_with_this_machine():
    told = facts(XEON, arithmetic(capability="AVX2"))
    assert told["capability"] == "AVX2"
    assert told["maker"] == "GenuineIntel"
    assert same_here(told, replace(XEON, instructions="AVX2", cache_kib=512)) == ""
    assert same_here(told, EPYC) == told["same_bytes_on"]
    assert same_here(facts(XEON, {"kernels": None}), ARM) == "x86-64 processors with AVX2"


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ({"avx", "avx2", "fma"}, "AVX2"),
        ({"avx2", "avx_vnni"}, "AVX2_VNNI"),
        ({"avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl"}, "AVX512_CORE"),
        ({"avx2", "avx512f", "avx512_vnni", "avx512_bf16"}, "AVX512_CORE_BF16"),
        ({"neon"}, "other"),
    ],
)
def test_the_newest_set_of_instructions(flags, name):
    assert newest_set(frozenset(flags)) == name


def test_this_machine_is_read_from_the_system(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    info.write_text(
        "processor\t: 0\nvendor_id\t: Maker\nmodel name\t: A chip\n\nvendor_id: Other\n"
    )
    for level, size in (("1", "32K"), ("2", "2048K")):
        folder = tmp_path / f"index{level}"
        folder.mkdir()
        (folder / "level").write_text(f"{level}\n")
        (folder / "size").write_text(f"{size}\n")
    (tmp_path / "index0").mkdir()
    monkeypatch.setattr(machine, "CPUINFO", info)
    monkeypatch.setattr(machine, "CACHES", tmp_path)
    found = this_machine()
    assert (found.maker, found.name, found.cache_kib) == ("Maker", "A chip", 2048)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "nothing")
    monkeypatch.setattr(machine, "CACHES", tmp_path / "nothing")
    assert (this_machine().maker, this_machine().cache_kib) == ("", None)


def test_numeric_libraries_of_the_shell_are_refused(tmp_path, monkeypatch):
    maps = tmp_path / "maps"
    lines = [
        f"7f00-7f01 r-xp 0000 00:00 1    {tmp_path}/lib/{name}"
        for name in ("libopenblas.so.0", "libcuda.so.1", "libm.so.6")
    ]
    maps.write_text(
        "\n".join([*lines, "7f02-7f03 rw-p 0000 00:00 0", "7f r-xp 0 0 1  /x/libz.so.1"])
    )
    monkeypatch.setattr(machine, "MAPS", maps)
    machine.refuse_libraries()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path}/lib:")
    with pytest.raises(ConfigError, match=r"libm\.so\.6, .*libopenblas\.so\.0: taken from LD_"):
        machine.refuse_libraries()
    monkeypatch.setattr(machine, "MAPS", Path("nowhere"))
    machine.refuse_libraries()


@pytest.mark.parametrize(
    ("flags", "lacks"),
    [
        ({"avx2"}, True),
        ({"avx2", "avx512f", "avx512_vnni"}, True),
        ({"avx2", "avx512_bf16"}, False),
        ({"avx2", "amx_bf16"}, False),
        # Of another maker's processor the system says nothing of this kind.
        (set(), False),
    ],
)
def test_a_processor_without_bfloat16_is_known(flags, lacks, monkeypatch):
    monkeypatch.setattr(environment, "flags", lambda: frozenset(flags))
    assert lacks_bfloat16() == lacks
