"""The task that signs a checkpoint of the ledger."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sundial.airflow.connections import resolve
from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings


@remedy_first
def checkpoint() -> int:
    """Signs where all chains stand and files it apart from the store; returns the checkpoint's number.

    Raises:
        AirflowSkipException: nothing says where checkpoints go, or who signs.
        AirflowFailException: the store is not what the last checkpoint says.
    """
    from sundial.store.checkpoints import StoreRewritten, sign
    from sundial.sunset.checkpoint import NoCheckpoints, signer

    try:
        found = signer(resolve)
    except NoCheckpoints as error:
        raise AirflowSkipException(f"Nothing was signed: {error}") from None
    try:
        return sign(settings().open_store(), found.place, found.key).number
    except StoreRewritten as error:
        raise AirflowFailException(str(error)) from None
