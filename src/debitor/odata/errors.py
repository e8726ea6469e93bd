"""One table: error code -> HTTP status, and the one form that every error takes on the wire.

{"error": {"code": "BadRequest_NotFound", "message": "...  CorrelationId:  <request id>."}}
"""

from __future__ import annotations

import msgspec

from debitor.odata.messages import Response
from debitor.schema import Refused
from debitor.store import DuplicateKey, FrozenRow, StoreError, UnknownOutcome

STATUS: dict[str, int] = {
    "BadRequest": 400,
    "BadRequest_InvalidOperation": 400,
    "BadRequest_InvalidRequestUrl": 400,
    "BadRequest_InvalidToken": 400,
    "BadRequest_MethodNotAllowed": 405,
    "BadRequest_MethodNotImplemented": 501,
    "BadRequest_NotFound": 404,
    "BadRequest_RequiredParamNotProvided": 400,
    "BadRequest_ResourceNotFound": 404,
    "BadRequest_InvalidIdempotencyKey": 400,
    "Request_EntityChanged": 409,
    "Request_FailedDependency": 424,
    "Request_IdempotencyKeyInUse": 409,
    "Request_IdempotencyKeyReused": 422,
    "Request_Timeout": 408,
    "Authentication_InvalidCredentials": 401,
    "Authorization_AccessDenied": 403,
    "Application_DialogException": 400,
    "Application_FieldValidationException": 400,
    "Application_FilterErrorException": 400,
    "Application_InvalidGUID": 400,
    "Application_StringExceededLength": 400,
    "Application_TooManyRequests": 429,
    "Internal_CompanyNotFound": 404,
    "Internal_DataNotFoundFilter": 400,
    "Internal_EntityWithSameKeyExists": 400,
    "Internal_InvalidTableRelation": 400,
    "Internal_RecordNotFound": 404,
    "Internal_ServerError": 500,
    "Unknown": 500,
}
"""Codes that are not listed belong to a refusal of the application: 400."""

ERROR_HEADERS: list[tuple[str, str]] = [("content-type", "application/json"), ("cache-control", "no-cache, no-store")]

_encode = msgspec.json.Encoder().encode


def status_of(code: str) -> int:
    """Return the HTTP status of an error code."""
    return STATUS.get(code, 400)


def error_body(code: str, message: str, request_id: str) -> bytes:
    """Return the JSON body of an error; the message ends with the correlation id unless `request_id` is empty."""
    if request_id:
        message = f"{message}  CorrelationId:  {request_id}."
    return _encode({"error": {"code": code, "message": message}})


def refusal_of(no: Refused | StoreError) -> Refused:
    """Return what the client is told when the store says no."""
    if isinstance(no, Refused):
        return no
    if isinstance(no, DuplicateKey):
        unique = ", ".join(no.columns) or "key"
        return Refused(
            "Internal_EntityWithSameKeyExists",
            f"The record in table {no.record} already exists: another one has the same {unique}.",
        )
    if isinstance(no, FrozenRow):
        return Refused("Application_DialogException", "A posted row cannot be changed or deleted.")
    if isinstance(no, UnknownOutcome):
        return Refused(
            "Internal_ServerError",
            "The connection to the database was lost at the very end: the data may have been stored, or not. Read it "
            "before you send it again.",
            500,
        )
    return Refused("Internal_ServerError", "The data could not be stored. Nothing was written; try again.", 503)


def response_of(no: Refused | StoreError, request_id: str) -> Response:
    """Return the answer that carries a refusal."""
    told = refusal_of(no)
    return Response(
        told.status or status_of(told.code), list(ERROR_HEADERS), error_body(told.code, told.message, request_id)
    )


def not_found(segment: str) -> Refused:
    """Return the refusal for a segment, or an id below it, that leads nowhere."""
    return Refused("BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment[:100]}'.")


def bad_key() -> Refused:
    """Return the refusal for a key in an address that is not one."""
    return Refused("BadRequest_NotFound", "Bad Request - Error in query syntax.")


def not_allowed(method: str, entity_set: str) -> Refused:
    """Return the refusal for a verb that an entity set does not offer."""
    return Refused(
        "BadRequest_MethodNotAllowed",
        f"'{method[:20]}' requests for '{entity_set}' of EdmType 'Entity' are not allowed here.",
    )
