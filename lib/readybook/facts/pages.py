"""Pages of fastapi-pagination: what its routes are given beside what their handlers ask for."""

from __future__ import annotations

from typing import Any

from readybook.facts.objects import ClassValue, Instance, Subscripted
from readybook.facts.values import External

# what fastapi-pagination puts on each route that answers with a page, once ``add_pagination`` was called
PAGING = Instance(External("fastapi.Depends"), args=(Instance(External("fastapi_pagination.pagination_ctx()")),))


def page_inputs(response: Any) -> tuple[Any, ...]:
    """The class by which fastapi-pagination asks for a page, where a route answers with one: what the page's own class
    says, else the package's."""
    base = response.base if isinstance(response, Subscripted) else response
    names = base.external_bases() if isinstance(base, ClassValue) else [getattr(base, "path", "")]
    if not any(n.startswith("fastapi_pagination.") for n in names):
        return ()
    kind = next((k for k in ("LimitOffset", "Cursor") if any(k in n for n in names)), "")
    own = (c.scope.names.get("__params_type__") for c in base.mro() if isinstance(c, ClassValue)) if isinstance(
        base, ClassValue) else ()
    return (next((p for p in own if p is not None), External(f"fastapi_pagination.{kind}Params")),)
