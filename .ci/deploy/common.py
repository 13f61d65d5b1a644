"""What both checks of a deployment need: a copy of the project, tools, processes that end with the check, and the report."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "target"
REGION = "eu-central-1"
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """The reason why a check failed."""


class CheckFailed(SystemExit):
    """The end of the program after a check that failed."""


@contextlib.contextmanager
def check(name):
    """One check: prints a line when it succeeds; a failure ends the program with its reason."""
    began = time.monotonic()
    try:
        yield
    except Exception as error:
        print(f"FAIL  {name}: {error}", flush=True)
        raise CheckFailed(1) from (None if isinstance(error, Failed) else error)
    print(f"ok  {time.monotonic() - began:5.1f} s  {name}", flush=True)


def bound(seconds):
    """Ends the program with a failure after so many seconds. Then, and at SIGTERM, it stops all that it started."""

    def end(number, _):
        # What was started is stopped now, undisturbed.
        for one in (signal.SIGALRM, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        reason = f"the whole run took longer than {seconds} s" if number == signal.SIGALRM else "ended by SIGTERM"
        print(f"FAIL  {reason}", flush=True)
        sys.exit(1)

    for one in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(one, end)
    signal.alarm(seconds)


def expect(holds, problem):
    if not holds:
        raise Failed(problem)


def wait_until(condition, what, seconds):
    """The first true value of `condition`, which is asked again and again until the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        expect(time.monotonic() < deadline, f"{what} did not happen within {seconds} s")
        time.sleep(0.05)
    return value


def tools(name, requirements):
    """The folder of programs of a virtual environment in target/ that has `requirements`."""
    folder = TARGET / name
    subprocess.run([".ci/venv", folder, requirements], check=True, cwd=ROOT)
    return folder / "bin"


def fresh_folder(name):
    folder = TARGET / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def copy_project(folder):
    """The project as a fresh clone would have it, with changes that are not committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def environment(folder, *paths, **variables):
    """The environment of every program started here: nothing of AWS but what is given, and the stand-in for the compiler."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_CLI_", "LATCHKEY_"))}
    return {
        **kept,
        "PATH": os.pathsep.join([str(ROOT / ".ci/deploy/bin"), *map(str, paths), os.environ["PATH"]]),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "SAM_CLI_TELEMETRY": "0",
        "CARGO_TARGET_DIR": str(folder / "cargo"),
        "LATCHKEY_BINARIES": str(TARGET / "debug"),
        "LATCHKEY_BUILDS": str(folder / "builds"),
        **variables,
    }


def build():
    """Builds the workspace's binaries, unless the tests built them already. The examples make it the very build of the tests, with
    their dependencies' features; without them, every dependency would be built once more."""
    subprocess.run(["cargo", "build", "--workspace", "--bins", "--examples", "--locked", "--quiet"], check=True, cwd=ROOT)


def functions():
    return sorted(folder.name for folder in (ROOT / "functions").iterdir() if (folder / "Cargo.toml").exists())


def run(command, *, seconds, cwd, env, text="", status=0):
    """Standard output of a shell command that ends in time with this status; the end of all its output is the reason if not."""
    child = subprocess.Popen(
        ["bash", "-c", command],
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    try:
        output, errors = child.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"`{command.strip().splitlines()[-1]}` took longer than {seconds} s") from None
    finally:
        stop_group(child)
    if child.returncode != status:
        lines = [line for line in (output + errors).splitlines() if "Uploading to " not in line]
        end = "\n".join(lines[-40:])
        raise Failed(f"`{command.strip().splitlines()[-1]}` exited with {child.returncode} and not {status}:\n{end}")
    return output


def end_with_parent():
    """Run in a child: has the kernel of Linux end it when its parent is killed and can stop nothing."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def process(command, *, log, **options):
    """A process that is stopped at the end, with everything that it started."""
    with open(log, "wb") as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            preexec_fn=end_with_parent,
            **options,
        )
        try:
            yield child
        finally:
            stop_group(child)


def stop_group(child):
    """Ends what is left of the process's group: politely, then not."""
    for kind, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, kind)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            child.poll()
            try:
                os.killpg(child.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
    print(f"processes of {child.args} could not be ended", file=sys.stderr)
