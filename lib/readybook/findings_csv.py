"""Findings as CSV, one row each, for spreadsheets: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io

from readybook.effort import by_hand, is_patched, with_patches
from readybook.markup import visible
from readybook.masking import mask
from readybook.priority import priorities
from readybook.report import Report

COLUMNS = ("fingerprint", "check", "name", "category", "severity", "confidence", "rank", "phase", "path", "line",
           "end_line", "symbol", "application", "reach", "routes", "open_routes", "message", "fix", "fix_kinds",
           "fix_safety", "patched", "check_findings", "check_hours_by_hand", "check_hours_with_patches")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def findings_csv(report: Report) -> str:
    """The open findings, gravest first, as RFC 4180 text; hours are the means of the whole check."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    order = {p.result.id: p for p in priorities(report)}
    for r, f, fingerprint in report.findings:
        reach, fix, p = f.reach, f.fix, order[r.id]
        writer.writerow([harmless(cell) for cell in (
            fingerprint, r.id, r.name, r.category, f.severity or r.severity, f.confidence, p.rank, p.phase,
            f.place.path, f.place.line, f.place.end_line or "", f.place.symbol, f.app or "",
            reach.scope if reach else "", reach.routes if reach else "", reach.open if reach else "", f.message,
            fix.title if fix else "", " ".join(fix.kinds) if fix else "", fix.safety if fix else "",
            "yes" if is_patched(f) else "no", len(r.findings), round(by_hand(r).mean, 3),
            round(with_patches(r).mean, 3),
        )])
    return out.getvalue()


def harmless(cell: str | float) -> str | float:
    """A cell that a spreadsheet shows and does not compute: text that begins like a formula gets an apostrophe."""
    if not isinstance(cell, str):
        return cell
    text = visible(mask(cell))
    return f"'{text}" if text.startswith(FORMULA) else text
