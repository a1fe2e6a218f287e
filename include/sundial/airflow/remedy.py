"""What a task that fails says first: what is wrong and what to do; a traceback only where nobody knows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

_log = logging.getLogger(__name__)
_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


def remedy_first(function: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Returns the function of a task such that its error is told in one line before Airflow logs it.

    The error stays what it is, since retries are decided by its class; where its message says what to do it
    goes on without the traceback, which would only hide that.
    """

    @wraps(function)
    def told(*args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        try:
            return function(*args, **kwargs)
        except AirflowSkipException:
            raise
        except Exception as error:
            _log.error("%s", remedy(error))
            if _says_what_to_do(error):
                raise error.with_traceback(None) from None
            raise

    return told


def remedy(error: Exception) -> str:
    """Returns what is wrong and what to do about it, without anything that rows may hold."""
    if _says_what_to_do(error):
        return "\n".join(getattr(error, "__notes__", ())) or str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{error.filename}: {error.strerror or type(error).__name__}; let the user that runs Airflow's "
            "tasks read and write there, then clear this task"
        )
    return (
        f"{type(error).__name__}: nothing here expects this error. The traceback says where it came from: if "
        "that is the lake or the network, see whether it can be reached, then clear this task; else report it"
    )


def _says_what_to_do(error: Exception) -> bool:
    from sundial.engine.run import NotStaged
    from sundial.gate.errors import ContractError
    from sundial.register.problems import RegisterError
    from sundial.report.channels import ChannelsFailed
    from sundial.report.filed import ReportChanged
    from sundial.report.incident_mails import NoticesFailed
    from sundial.report.mail import MailError
    from sundial.sources.errors import SourceError
    from sundial.store.database import StoreError

    return hasattr(error, "__notes__") or isinstance(
        error,
        AirflowFailException
        | ChannelsFailed
        | ContractError
        | MailError
        | NotStaged
        | NoticesFailed
        | RegisterError
        | ReportChanged
        | SourceError
        | StoreError,
    )
