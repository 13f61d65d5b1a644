"""The life of an account, by the client of openapi-python-client. The argument is the API's address."""

import json
import re
import sys
import urllib.request
from http import HTTPStatus
from typing import TypeVar

from python_client.api.e_mail_addresses import confirm_email
from python_client.api.passwords import reset_password, reset_password_complete
from python_client.api.sessions import log_in, sessions, sign_up, token
from python_client.api.users import delete_account, get_user, update_details
from python_client.client import AuthenticatedClient, Client
from python_client.models import (
    AccessToken,
    ConfirmEmail,
    DeleteAccount,
    LogInByEmail,
    LogInByUsername,
    Problem,
    ResetPassword,
    ResetPasswordComplete,
    Sessions,
    SignUp,
    TokenAndUser,
    UpdateDetails,
    User,
)

NAME, PASSWORD, NEW_PASSWORD = "python_client", "seven-green-bicycles", "nine-blue-tricycles"
EMAIL = f"{NAME}@example.com"

T = TypeVar("T")


def expect(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise SystemExit(f"{what}: {actual}, and not {expected}")


def typed(what: str, value: object, kind: type[T]) -> T:
    """The value, which a response of the right status has as its type."""
    if not isinstance(value, kind):
        raise SystemExit(f"{what}: {value}, and not a {kind.__name__}")
    return value


def codes(problem: Problem) -> list[tuple[str, str]]:
    return [(error.field, error.code.value) for error in problem.errors or []]


def secret_in_mail(api: str, page: str) -> str:
    """The secret of the link to `page` in the newest mail to this user."""
    with urllib.request.urlopen(f"{api}/_local/mails", timeout=30) as response:
        mails = json.load(response)
    for mail in mails:
        found = re.search(rf"/{page}#(?:token|key)=([0-9a-z-]+)", mail["text"])
        if found and EMAIL in mail["to"]:
            return found[1]
    raise SystemExit(f"no mail has a link to {page}")


def main(api: str) -> None:
    client = Client(base_url=api)
    account = SignUp(username=NAME, email=EMAIL, password=PASSWORD)
    typed("the sign-up", sign_up.sync(client=client, body=account), TokenAndUser)
    again = typed("the second sign-up", sign_up.sync(client=client, body=account), Problem)
    expect("its errors", codes(again), [("username", "taken"), ("email", "taken")])

    key = ConfirmEmail(key=secret_in_mail(api, "confirm_email"))
    expect("the confirmation", confirm_email.sync_detailed(client=client, body=key).status_code, HTTPStatus.OK)

    by_name = LogInByUsername(username=NAME, password=PASSWORD)
    log = typed("the log-in", log_in.sync(client=client, body=by_name), TokenAndUser)
    expect("the address", (log.user.email, log.user.email_verified), (EMAIL, True))
    signed_in = AuthenticatedClient(base_url=api, token=typed("the token", log.token, str))
    expect("the record", typed("the record", get_user.sync(client=signed_in, id=log.user.id), User), log.user)

    change = UpdateDetails(current_password=PASSWORD, first_name="John")
    changed = typed("the change", update_details.sync(client=signed_in, body=change), User)
    expect("the change", changed.first_name, "John")
    wrong = UpdateDetails(current_password="wrong", first_name="John")
    incorrect = typed("a wrong password", update_details.sync(client=signed_in, body=wrong), Problem)
    expect("a wrong password", codes(incorrect), [("current-password", "incorrect")])

    access = typed("the access token", token.sync(client=signed_in), AccessToken)
    expect("its type", access.token_type, "Bearer")
    listed = typed("the sessions", sessions.sync(client=signed_in), Sessions)
    expect("the sessions", sorted(one.current for one in listed.sessions), [False, True])

    reset_password.sync(client=client, body=ResetPassword(email=EMAIL))
    completion = ResetPasswordComplete(
        new_password=NEW_PASSWORD,
        password_confirmation=NEW_PASSWORD,
        reset_token=secret_in_mail(api, "reset_password"),
    )
    reset = reset_password_complete.sync_detailed(client=client, body=completion)
    expect("the reset", reset.status_code, HTTPStatus.CREATED)
    ended = typed("a session from before the reset", get_user.sync(client=signed_in, id=log.user.id), Problem)
    expect("a session from before the reset", ended.status, 401)

    by_email = LogInByEmail(email=EMAIL, password=NEW_PASSWORD)
    back = typed("the log-in after the reset", log_in.sync(client=client, body=by_email), TokenAndUser)
    signed_in = AuthenticatedClient(base_url=api, token=typed("the token", back.token, str))
    deletion = delete_account.sync_detailed(client=signed_in, body=DeleteAccount(current_password=NEW_PASSWORD))
    expect("the deletion", deletion.status_code, HTTPStatus.NO_CONTENT)
    gone = log_in.sync_detailed(client=client, body=by_email)
    expect("a log-in after the deletion", gone.status_code, HTTPStatus.UNAUTHORIZED)


main(sys.argv[1])
