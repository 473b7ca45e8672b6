"""What a use case refuses because of one part of what was asked: a form says it at that field, the API answers 422."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404


class FieldRefused(Exception):
    """It cannot be done as it was asked. `field` names the part that is wrong, "" when it is none; `message` is for the
    user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class RefusalsIn:
    """`with RefusalsIn(form):` around what calls the use case and returns when it is done. What comes after it shows
    the form again, which says what was refused. 404 when somebody else has removed the object meanwhile."""

    def __init__(self, form: forms.BaseForm) -> None:
        self._form = form

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, ObjectDoesNotExist):
            raise Http404 from None
        if not isinstance(error, FieldRefused):
            return False
        hidden = not error.field or self._form.fields[error.field].widget.is_hidden
        self._form.add_error(None if hidden else error.field, error.message)
        return True
