"""Success or one line that says why not: real logs of five releases, and the documented lines of every kind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hlspike.generators.vitis.diagnosis import KINDS, Diagnosis, Kind, Stage, diagnose, judged
from hlspike.generators.vitis.log import version

REPORTS = Path(
    os.environ.get("HLSPIKE_VITIS_REPORTS", Path(__file__).parents[1] / ".." / "shared" / "data" / "vitis_reports")
)
real = pytest.mark.skipif(not REPORTS.is_dir(), reason=f"{REPORTS}: the real Vitis reports are not here")

GOOD: dict[Stage, str] = {
    "csim": "INFO: [SIM 211-1] CSim done with 0 errors.\n",
    "csynth": "INFO: [HLS 200-789] **** Estimated Fmax: 192.94 MHz\n",
    "cosim": "INFO: [COSIM 212-1000] *** C/RTL co-simulation finished: PASS ***\n",
    "export": "INFO: [HLS 200-802] Generated output file build/export.zip\n",
    "impl": "INFO: [HLS 200-802] Generated output file build/export.zip\n",
}
STAGES = tuple(GOOD)


def read(path: str) -> str:
    with (REPORTS / path).open(newline="") as file:
        return file.read()


def failed(stage: Stage, log: str, exit_code: int | None = 1) -> Diagnosis:
    found = diagnose(stage, exit_code, log, fresh=False)
    assert found is not None
    return found


PART = "ERROR: [HLS 200-1023] Part 'xcvc1902-vsva2197-2MP-e-S' is not installed."
UNDECLARED = "ERROR: [HLS 207-3776] use of undeclared identifier 'ap_start' (SpMV.cpp:29:38)"
BENCH = "ERROR: [COSIM 212-359] Aborting co-simulation: C TB simulation failed, nonzero return value '1'."


@real
@pytest.mark.parametrize("exit_code", [0, 1])
@pytest.mark.parametrize(
    ("path", "stage", "expected"),
    [
        (
            "v2025.2-unified-fail-part/hls_compile.log",
            "csynth",
            Diagnosis(
                "part not installed",
                f"csynth: part not installed: {PART[:-1]}; install the device, or set target.part to one that is",
                PART,
            ),
        ),
        (
            "v2024.1-unified-spmv/hls_compile_failed.log",
            "csynth",
            Diagnosis("C++ error", f"csynth: C++ error: {UNDECLARED}; correct the source", UNDECLARED),
        ),
        (
            "v2023.1-unified-cosim-fail/hls_run_cosim.log",
            "cosim",
            Diagnosis(
                "cosim mismatch",
                f"cosim: cosim mismatch: {BENCH[:-1]}; see the report of C simulation and the co-simulation log",
                BENCH,
            ),
        ),
    ],
)
def test_real_logs_of_failed_steps(path: str, stage: Stage, expected: Diagnosis, exit_code: int) -> None:
    # these releases are on record as returning 0 all the same, and as leaving the files of an earlier run
    assert diagnose(stage, exit_code, read(path), fresh=True) == expected


@real
def test_of_a_real_log_with_four_steps_only_the_export_failed() -> None:
    log = read("v2024.2-tcl-export-fail/vitis_hls.log")
    stages: tuple[Stage, ...] = ("csim", "csynth", "cosim")
    assert [diagnose(stage, 0, log, fresh=True) for stage in stages] == [None, None, None]
    found = failed("export", log)
    start = (
        "ERROR: [Common 17-680] Path length exceeds 260-Byte maximum allowed by Windows: "
        "c:/workspace/hlstrack2025/solver/"
    )
    assert found.kind == "export failure"
    assert found.first_error is not None
    assert found.first_error.startswith(start)
    assert (len(found.first_error), found.first_error[-1]) == (240, "…")
    assert found.message == f"export: export failure: {found.first_error}; see the log of Vivado"


@real
@pytest.mark.parametrize(
    ("path", "release"),
    [
        ("v2023.1-unified-cosim-fail/hls_run_cosim.log", "2023.1"),
        ("v2024.1-unified-spmv/hls_compile_failed.log", "2024.1"),
        ("v2024.2-tcl-export-fail/vitis_hls.log", "2024.2"),
        ("v2025.2-unified-fail-part/hls_compile.log", "2025.2"),
    ],
)
def test_the_banner_names_the_release(path: str, release: str) -> None:
    assert version(read(path)) == release


def test_a_banner_may_name_a_patch_and_a_log_may_have_none() -> None:
    assert version("****** Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v2023.2.2 (64-bit)\n") == "2023.2.2"
    assert version("v++ v2024.1, 64-bit\n") is None


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "end",
    [
        None,
        "STEP {} OK\n",
        "INFO: [v++ 60-791] Total elapsed time: 0h 0m 43s\n",
        "INFO: [vitis-run 60-791] Total elapsed time: 0h 1m 54s\n",
    ],
)
def test_each_marker_of_success_will_do(stage: Stage, end: str | None) -> None:
    log = GOOD[stage] if end is None else end.format(stage)
    assert diagnose(stage, 0, log, fresh=True, transactions=8) is None


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_less_than_all_of_the_evidence_is_success(stage: Stage) -> None:
    good = GOOD[stage]
    found = [
        diagnose(stage, 0, "INFO: [HLS 200-10] Opening solution\n", fresh=True),
        diagnose(stage, 0, good, fresh=False),
        diagnose(stage, 2, good, fresh=True),
        diagnose(stage, 0, f"STEP {'csim' if stage != 'csim' else 'csynth'} OK\n", fresh=True),
        diagnose(stage, 0, good + f"STEP {stage} FAIL no reason\n", fresh=True),
    ]
    assert [one and one.kind for one in found[:4]] == [
        "no success marker", "no fresh artefact", "other", "no success marker",
    ]
    assert [one and one.message for one in found[:3]] == [
        f"{stage}: no success marker: exit code 0, but the log never says that it succeeded; see the end of the log",
        f"{stage}: no fresh artefact: exit code 0, but the expected file is missing or old; see the log for where the "
        "report went",
        f"{stage}: other: exit code 2 and no error in the log; see the log",
    ]
    assert found[4] is not None
    assert found[4].first_error == f"STEP {stage} FAIL no reason"


PROGRESS = '// RTL Simulation : 0 / 8 [n/a] @ "128000"\n'


@pytest.mark.parametrize(("log", "transactions"), [("", 0), (PROGRESS, None)])
def test_a_co_simulation_that_called_nothing_has_not_passed(log: str, transactions: int | None) -> None:
    message = (
        "cosim: cosim without transactions: it passed without a single call of the top; see that the test bench calls "
        "the top"
    )
    expected = Diagnosis("cosim without transactions", message, None)
    assert diagnose("cosim", 0, log + GOOD["cosim"], True, transactions) == expected


# Lines as the tools print them; the kind, the stage, and the line that must be told.
FAILURES: tuple[tuple[Kind, Stage, str, str], ...] = (
    ("part not installed", "csim", f"{PART}\nERROR: [HLS 200-1912] Problem with config ini entry", PART),
    ("part not installed", "impl", "ERROR: [Coretcl 2-106] Specified part could not be found.",
     "ERROR: [Coretcl 2-106] Specified part could not be found."),
    ("licence", "impl",
     "ERROR: [Common 17-69] Command failed\n"
     "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'",
     "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'"),
    ("C++ error", "csim",
     "tb/tb.cpp:3:5: error: 'foo' was not declared in this scope\nmake: *** [csim.exe] Error 1\n"
     "ERROR: [SIM 211-100] 'csim_design' failed: compilation error(s).",
     "tb/tb.cpp:3:5: error: 'foo' was not declared in this scope"),
    ("C++ error", "csim", "ERROR: [SIM 211-100] 'csim_design' failed: compilation error(s).",
     "ERROR: [SIM 211-100] 'csim_design' failed: compilation error(s)."),
    ("C++ error", "csim", "ld.lld: error: undefined symbol: snn_top(int const*)\nERROR: [SIM 211-100] failed.",
     "ld.lld: error: undefined symbol: snn_top(int const*)"),
    ("C++ error", "csynth", "ERROR: [HLS 214-157] Top function not found: there is no function named 'snn_top'",
     "ERROR: [HLS 214-157] Top function not found: there is no function named 'snn_top'"),
    ("C++ error", "csynth", "ERROR: [HLS 200-1715] Encountered problem during source synthesis",
     "ERROR: [HLS 200-1715] Encountered problem during source synthesis"),
    ("unroll stopped", "csynth",
     "ERROR: [HLS 200-1471] Stop unrolling loop 'Parallel' (linear.h:62)\nERROR: [HLS 200-70] Pre-synthesis failed.",
     "ERROR: [HLS 200-1471] Stop unrolling loop 'Parallel' (linear.h:62)"),
    ("unroll stopped", "csynth", "ERROR: [XFORM 203-504] Stop unrolling loop 'Parallel' (linear.h:62)",
     "ERROR: [XFORM 203-504] Stop unrolling loop 'Parallel' (linear.h:62)"),
    ("csim mismatch", "csim",
     "mismatch: sequence 0, timestep 3, output 0: expected 4, found 5\n"
     "@E Simulation failed: Function 'main' returns nonzero value '1'.\n"
     "ERROR: [SIM 211-100] 'csim_design' failed: nonzero return value.",
     "mismatch: sequence 0, timestep 3, output 0: expected 4, found 5"),
    ("csim mismatch", "csim",
     "ERROR [HLS SIM]: an hls::stream is read while empty, which may result in RTL simulation hanging.",
     "ERROR [HLS SIM]: an hls::stream is read while empty, which may result in RTL simulation hanging."),
    ("csim mismatch", "csim", "WARNING: Hls::stream 'in.1' is read while empty, returning default value",
     "WARNING: Hls::stream 'in.1' is read while empty, returning default value"),
    ("cosim mismatch", "cosim",
     "// ERROR!!! DEADLOCK DETECTED at 15110000 ns! SIMULATION WILL BE STOPPED!\n"
     "ERROR: [HLS 200-742] Deadlock detected in co-simulation\n"
     "ERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***",
     "// ERROR!!! DEADLOCK DETECTED at 15110000 ns! SIMULATION WILL BE STOPPED!"),
    ("cosim mismatch", "cosim",
     "ERROR: System received a signal named SIGSEGV and the program has to stop immediately!\n"
     "ERROR: [COSIM 212-360] Aborting co-simulation: C TB simulation failed.",
     "ERROR: System received a signal named SIGSEGV and the program has to stop immediately!"),
    ("other", "cosim", "ERROR: [COSIM 212-345] Cosim only supports the following 'ap_ctrl_none' designs",
     "ERROR: [COSIM 212-345] Cosim only supports the following 'ap_ctrl_none' designs"),
    ("export failure", "export",
     "bad lexical cast: source type value could not be interpreted as target\n"
     "ERROR: [IMPL 213-28] Failed to generate IP.",
     "bad lexical cast: source type value could not be interpreted as target"),
    ("export failure", "export", "ERROR: '2208101851' is an invalid argument. Please specify an integer value.\n"
     "ERROR: [IMPL 213-28] Failed to generate IP.",
     "ERROR: '2208101851' is an invalid argument. Please specify an integer value."),
    ("export failure", "impl", "# puts \"ERROR: [A 1-1] echo\"\nERROR: [HLS 200-478] vivado returned an error ",
     "ERROR: [HLS 200-478] vivado returned an error"),
    ("out of memory", "csynth",
     "clang: error: unable to execute command: Killed\nERROR: [HLS 200-1715] Encountered problem",
     "clang: error: unable to execute command: Killed"),
    ("out of memory", "cosim",
     "Out of memory on request for a fresh 8388608 bytes\n"
     "ERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***",
     "Out of memory on request for a fresh 8388608 bytes"),
    ("out of memory", "csim", "terminate called after throwing an instance of 'std::bad_alloc'",
     "terminate called after throwing an instance of 'std::bad_alloc'"),
    ("disk full", "csynth", "ERROR: [HLS 200-70] failed\ncouldn't write: No space left on device",
     "couldn't write: No space left on device"),
    ("port clash", "cosim", "ERROR: [XSIM 43-1] stopped\nxcd: bind: Address already in use",
     "xcd: bind: Address already in use"),
    ("other", "cosim", "ERROR: [HLS 200-101] unknown option", "ERROR: [HLS 200-101] unknown option"),
    ("other", "cosim", "ERROR: [Common 17-39] 'xelab' failed", "ERROR: [Common 17-39] 'xelab' failed"),
    ("export failure", "impl",
     "WARNING: [Common 17-1] a license expires soon and is then unavailable\n"
     "# puts {No space left on device}\nERROR: [HLS 200-478] vivado returned an error",
     "ERROR: [HLS 200-478] vivado returned an error"),
    ("other", "csynth", "ERROR: \nERROR: [HLS 200-101] unknown option", "ERROR: [HLS 200-101] unknown option"),
)


@pytest.mark.parametrize(("kind", "stage", "log", "line"), FAILURES)
@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_line_behind_each_kind_of_failure(kind: Kind, stage: Stage, log: str, line: str, exit_code: int) -> None:
    found = diagnose(stage, exit_code, f"INFO: [HLS 200-10] Begin\n{log}\n", fresh=True)
    assert found is not None
    assert (found.kind, found.first_error) == (kind, line)
    assert found.retriable == (kind == "port clash")
    assert "\n" not in found.message


@pytest.mark.parametrize(
    ("exit_code", "name"),
    [(-9, "SIGKILL"), (137, "SIGKILL"), (-15, "SIGTERM"), (-11, "SIGSEGV"), (139, "SIGSEGV"), (-250, "signal 250")],
)
def test_a_signal_ended_it(exit_code: int, name: str) -> None:
    message = f"csynth: killed: ended by {name}; run it again with more memory or fewer jobs at once"
    assert failed("csynth", "INFO: [HLS 200-10] Begin\n", exit_code) == Diagnosis("killed", message, None)


def test_a_program_s_own_high_exit_code_is_no_signal() -> None:
    assert failed("csim", "", 255).message == "csim: other: exit code 255 and no error in the log; see the log"


def test_a_step_stopped_for_time_says_what_was_wrong_until_then() -> None:
    remedy = "raise the limit, or shorten the stimulus"
    assert failed("cosim", "", None).message == f"cosim: time-out: stopped for time; {remedy}"
    late = failed("cosim", "ERROR: [XSIM 43-3316] Signal SIGSEGV received.\n", None)
    line = "ERROR: [XSIM 43-3316] Signal SIGSEGV received"
    assert (late.kind, late.message) == ("time-out", f"cosim: time-out: stopped for time; {line}; {remedy}")
    assert failed("cosim", "Address already in use\n", None).kind == "port clash"


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: 3 of 8 differ, says a test bench",
        "# ERROR: [HLS 200-70] of a script that Vivado echoes",
        "WARNING: [Common 17-1] a license expires soon and is then unavailable",
        "ERROR: ",
    ],
)
def test_what_is_no_mark_of_failure_does_not_spoil_a_success(line: str) -> None:
    assert diagnose("csynth", 0, f"{line}\n{GOOD['csynth']}", fresh=True) is None


def test_only_the_part_of_the_own_stage_counts_and_of_that_the_last_run() -> None:
    csim = "INFO: [HLS 200-1510] Running: csim_design \n"
    csynth = "INFO: [HLS 200-1510] Running: csynth_design \n"
    mismatch = "ERROR: [SIM 211-100] 'csim_design' failed: nonzero return value.\n"
    assert diagnose("csynth", 0, csim + mismatch + csynth + GOOD["csynth"], fresh=True) is None
    assert diagnose("csim", 0, csim + mismatch + csim + GOOD["csim"] + csynth, fresh=True) is None
    assert failed("csim", csim + mismatch + csynth + GOOD["csynth"], 0).kind == "csim mismatch"


def test_every_kind_is_reached_and_is_plain_json() -> None:
    reached = {kind for kind, *_ in FAILURES} | {"killed", "time-out"}
    reached |= {"cosim without transactions", "no success marker", "no fresh artefact"}
    assert reached == set(KINDS)
    plain = failed("csim", "Address already in use").to_json()
    assert json.loads(json.dumps(plain)) == plain == {
        "kind": "port clash",
        "message": "csim: port clash: Address already in use; run it again",
        "first_error": "Address already in use",
        "retriable": True,
    }


COSIM: tuple[Stage, ...] = ("csim", "csynth", "cosim")
SETUP = "STEP setup OK\n"
PARTS = {stage: GOOD[stage] + f"STEP {stage} OK\n" for stage in COSIM}


def test_a_run_of_several_steps_succeeded_if_each_did() -> None:
    assert judged(COSIM, 0, SETUP + "".join(PARTS.values()), fresh=True, transactions=3) is None


@pytest.mark.parametrize("failing", COSIM)
def test_the_step_that_failed_is_named_and_no_other(failing: Stage) -> None:
    log = SETUP
    for stage in COSIM:
        if stage == failing:
            log += f"{UNDECLARED}\nSTEP {stage} FAIL C++\n"
            break
        log += PARTS[stage]
    found = judged(COSIM, 1, log, fresh=False)
    assert found is not None and found.message.startswith(f"{failing}: ") and found.first_error == UNDECLARED


def test_a_failure_within_a_step_counts_though_the_step_says_that_all_is_well() -> None:
    log = SETUP + f"{UNDECLARED}\n" + "".join(PARTS.values())
    found = judged(COSIM, 0, log, fresh=True, transactions=3)
    assert found is not None and found.message.startswith("csim: ")


def test_a_set_up_that_failed_is_the_first_step_s() -> None:
    found = judged(("csynth",), 1, f"{PART}\nSTEP setup FAIL part\n", fresh=False)
    assert found is not None and (found.kind, found.first_error) == ("part not installed", PART)


def test_a_run_that_ended_within_a_step_is_that_step_s() -> None:
    found = judged(COSIM, -9, SETUP + PARTS["csim"] + "INFO: [HLS 200-10] Analyzing\n", fresh=False)
    assert found is not None and (found.kind, found.message.partition(":")[0]) == ("killed", "csynth")
