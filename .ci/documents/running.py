"""Runs blocks of the documents on the local server, and commands of `admin` on its tables."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import boto3

from blocks import ROOT

SECONDS = 60
TABLES = ("Users", "Transient", "Counters", "Keys", "Audit")
PASSWORD = "seven-green-bicycles"


def environment(**more):
    """The environment of what is run: of AWS, only what the server at hand needs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    names = {f"{table.upper()}_TABLE": f"{table}Table" for table in TABLES}
    account = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    return {**kept, **names, **account, **more}


@contextlib.contextmanager
def server(*options):
    """Addresses of the API and of DynamoDB of a development server, which ends with the block."""
    command = [ROOT / "target/debug/local", "--port", "0", "--dynamodb-port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            found = {}
            for line in child.stdout:
                if match := re.search(r"\b(API|DynamoDB) +(http://\S+)", line):
                    found[match[1]] = match[2]
                if len(found) == 2:
                    break
            else:
                sys.exit("the local server did not print its addresses")
            yield found["API"], found["DynamoDB"]
        finally:
            child.terminate()


def run(command, text, env, folder=ROOT):
    """Standard output and standard error of a program that must succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, env=env, cwd=folder, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} exited with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def the_block(blocks, file, heading, language, number=0):
    return [one for one in blocks(file) if one.heading == heading and one.language == language][number]


def expect(holds, problem):
    if not holds:
        raise RuntimeError(problem)


def expect_statuses(output, expected):
    statuses = [int(line.rsplit(" ", 1)[-1]) for line in output.splitlines()]
    expect(statuses == expected, f"statuses are {statuses}, and not {expected}:\n{output}")


def curl_shows(blocks, api):
    """README.md shows what its request gets."""
    request = the_block(blocks, "README.md", "Run it", "sh", 1).text.replace("http://127.0.0.1:3000", api)
    shown = the_block(blocks, "README.md", "Run it", "").text.strip()
    output = run(["bash", "-e"], request.replace("curl ", "curl -sS "), environment())
    pattern = re.sub(r"\d{4,}", r"\\d+", re.escape(shown)).replace("…", ".*")
    expect(re.fullmatch(pattern, output), f"the response is {output}, and not {shown}")


def python_journey(blocks, api):
    text = the_block(blocks, "docs/calling.md", "From Python", "python").text.replace("http://127.0.0.1:3000", api)
    lines = run([sys.executable, "-"], text, environment()).splitlines()
    statuses = [re.match(r"\(?(\d+)", line)[1] for line in lines]
    expect(statuses == ["201", "200", "200", "200", "201", "401", "200"], "\n".join(lines))


def access_token(blocks, api):
    """docs/integrating.md gets a token for a session."""
    session = run(["bash", "-e"], f"""curl -sS {api}/auth/login -d '{{"username": "jc123", "password": "{PASSWORD}"}}'""", environment())
    request = the_block(blocks, "docs/integrating.md", "Get a token", "sh").text.replace("http://127.0.0.1:3000", api)
    output = run(["bash", "-e"], request, environment(SESSION=re.search('"token":"([^"]+)"', session)[1]))
    expect('"token_type":"Bearer","expires_in":300' in output, output)


def users_are_imported(blocks, api, dynamodb):
    """The script of docs/moving-from-the-original.md imports a user with the hash of another, who then logs in with its password."""
    file, heading = "docs/moving-from-the-original.md", "Import users"
    env = environment(AWS_ENDPOINT_URL_DYNAMODB=dynamodb)
    client = boto3.client("dynamodb", endpoint_url=dynamodb, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")
    items = client.scan(TableName="UsersTable")["Items"]
    hashed = next(one["password_hash"]["S"] for one in items if one.get("username", {}).get("S") == "jc123")
    line = re.sub(r"\$argon2id[^\"]*", lambda _: hashed, the_block(blocks, file, heading, "json").text)
    # The name and the address of the document's user are taken by the journey's.
    first = line.replace("jc123", "imported").replace("john@example", "imported@Bücher.example")
    second = re.sub(r', "password_hash": "[^"]*"', "", first.replace("imported", "later").replace('"id": 21', '"id": 22'))
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "import_users.py").write_text(the_block(blocks, file, heading, "python").text)
        (pathlib.Path(folder) / "users.jsonl").write_text(first + second + first)
        commands = the_block(blocks, file, heading, "sh").text.replace("python3", sys.executable)
        admin = f"admin() {{ {ROOT}/target/debug/admin \"$@\"; }}\n"
        output = run(["bash", "-e"], admin + commands, env, folder)
    expect(output.count("imported 2") == 2 and "not imported" in output, output)
    log_in = f"""curl -sS -w ' %{{http_code}}\\n' {api}/auth/login -d '{{"email": "NAME@bücher.example.com", "password": "{PASSWORD}"}}'\n"""
    expect_statuses(run(["bash", "-e"], log_in.replace("NAME", "imported") + log_in.replace("NAME", "later"), env), [200, 401])


def cookies(blocks):
    """The journey of docs/browsers.md, on a server as it says."""
    file, heading = "docs/browsers.md", "On your machine"
    options = the_block(blocks, file, heading, "sh").text.split(" -- ")[1].split()
    with server(*options) as (api, _), tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "target").mkdir()
        text = the_block(blocks, file, heading, "sh", 1).text.replace("http://localhost:3000", api.replace("127.0.0.1", "localhost"))
        expect_statuses(run(["bash", "-e"], text, environment(), folder), [201, 200, 204, 401])
        log_in = f"""curl -sS -i {api}/auth/login -H 'Sec-Fetch-Site: same-origin' -d '{{"username": "jc123", "password": "{PASSWORD}"}}'"""
        found = re.search("set-cookie: .*", run(["bash", "-e"], log_in, environment(), folder).replace("\r", ""))
        # Without https the cookie has another name, as the document says.
        shown = the_block(blocks, file, "Front ends in browsers", "").text.strip().replace("__Host-", "").replace(" Secure;", "")
        pattern = re.escape(shown).replace("Set\\-Cookie", "set-cookie").replace("eyJ0eXAi…", r"eyJ0eXAi[\w.-]+")
        expect(found and re.fullmatch(pattern, found[0]), f"the cookie is {found and found[0]}, and not {shown}")


def check_running(blocks):
    """What is wrong with the blocks that can be run."""
    problems = []
    with server() as (api, dynamodb):
        for one in (curl_shows, python_journey, access_token, users_are_imported):
            try:
                one(blocks, *[api, dynamodb][: one.__code__.co_argcount - 1])
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                problems.append(f"{one.__name__}: {error}")
                break
    try:
        cookies(blocks)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        problems.append(f"cookies: {error}")
    return problems


def check_admin(found):
    """What is wrong with commands of `admin`, run on a server of their own without a terminal. That there is no such user is no problem; that
    a command is not understood is one, unless prose mentions it without its arguments."""
    problems, tried = [], set()
    samples = {"$API": None, "KID": "kid", "ADDRESS": "203.0.113.7", "FILE": os.devnull, "REGION": "eu-central-1", "AUDIT": "AuditTable"}
    with server() as (api, dynamodb):
        samples["$API"] = api
        for block, words in found:
            words = [samples.get(word, word).replace("$NEW", "RestoredTable") for word in words[1:] if word != "$@"]
            if not words or tuple(words) in tried:
                continue
            tried.add(tuple(words))
            command = [ROOT / "target/debug/admin", *words]
            env = environment(AWS_ENDPOINT_URL_DYNAMODB=dynamodb)
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, env=env, check=False)
            is_incomplete = "required arguments were not provided" in done.stderr or "requires a subcommand" in done.stderr
            if "For more information, try" in done.stderr and not (is_incomplete and block.language == "mention"):
                problems.append(f"{block}: admin {' '.join(words)}: {done.stderr.splitlines()[0]}")
    return problems
