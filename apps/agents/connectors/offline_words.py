"""The words and patterns that the built-in offline model looks for. Tables only."""
# ruff: noqa: E501  (tables are read by rows)

from __future__ import annotations

import re

Rule = tuple[str, re.Pattern[str]]

_STOPWORDS = """
the and for that this with from are was were has have had not but you your they them their its our which who whom what
when where why how all any each into onto over under after before then than too very can could should would will shall
may might must does did doing done being been also only just about there here these those some such more most other one
two per via out off own same so if or an a of in on at to is it be by as we no yes he she his her my me us do i
"""
STOPWORDS = frozenset(_STOPWORDS.split())

FACTS: dict[str, re.Pattern[str]] = {
    "Links": re.compile(r"https?://[^\s)>\]\"']+"),
    "E-mail addresses": re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b"),
    "Dates and times": re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?Z?)?\b|\b\d{1,2}:\d\d(?::\d\d)?\b"),
    "Versions": re.compile(r"\bv?\d+\.\d+(?:\.\d+)?(?:-[a-z]+\.?\d*)?\b"),
    "Errors": re.compile(r"\b[A-Z][A-Za-z]*(?:Error|Exception|Timeout)\b|\b[45]\d\d (?:error|response|status)\b"),
    "Files and paths": re.compile(r"(?<![\w:/])(?:[\w.-]+/)+[\w.-]*\w|\b[\w-]+\.(?:py|js|ts|tsx|go|rs|java|sql|ya?ml|json|md|toml)\b"),
    "Issues": re.compile(r"(?<!\w)#\d+\b|\b[A-Z]{2,6}-\d+\b"),
    "Names in code": re.compile(r"`[^`\n]+`|\b[a-z]+(?:_[a-z0-9]+)+\b|\b[a-z]+[A-Z]\w+\b|\b\w+\(\)"),
    "Amounts": re.compile(r"(?<![\w.:-])\d+(?:[.,]\d+)?\s?(?:%|ms|s|min|minutes|hours|days|MB|GB|users|requests|€|\$)(?!\w)"),
}  # fmt: skip
MUST = (
    "must",
    "should",
    "shall",
    "need",
    "want",
    "expect",
    "require",
    "can",
    "when",
    "if",
    "so that",
    "only",
)
ACTIONS: dict[str, tuple[str, ...]] = {
    "Find out": ("investigate", "reproduce", "check", "find", "measure", "ask", "analyse", "understand", "confirm"),
    "Change": ("add", "fix", "change", "implement", "create", "update", "remove", "write", "support", "show", "export",
               "allow", "need", "must", "should", "build", "replace", "move"),
    "Verify": ("test", "verify", "review", "assert", "validate", "regression", "measure", "monitor", "boundary"),
    "Release": ("deploy", "release", "roll out", "roll back", "rollback", "migrate", "tag", "publish", "merge"),
    "Tell people": ("tell", "announce", "document", "notify", "inform", "communicate", "post", "reply"),
}  # fmt: skip
CATEGORIES: dict[str, tuple[str, ...]] = {
    "bug": ("error", "exception", "crash", "fail", "broken", "wrong", "bug", "nothing happens", "does nothing",
            "regression", "stopped", "cannot", "typeerror", "500"),
    "security": ("vulnerability", "injection", "xss", "leak", "password", "token", "exploit", "breach", "cve"),
    "performance": ("slow", "latency", "timeout", "memory", "cpu", "seconds", "hang", "performance"),
    "feature": ("feature", "would like", "want", "add", "support", "allow", "export", "wish", "as a"),
    "question": ("how", "why", "question", "help", "possible", "where"),
    "documentation": ("documentation", "docs", "readme", "typo", "example", "guide"),
}  # fmt: skip
SEVERITIES: dict[str, tuple[str, ...]] = {
    "critical": (
        "outage",
        "data loss",
        "breach",
        "all users",
        "down",
        "corrupt",
        "production is",
        "nobody can",
    ),
    "high": (
        "cannot",
        "crash",
        "blocked",
        "payment",
        "checkout",
        "regression",
        "500",
        "every",
        "lose",
        "fail",
    ),
    "medium": ("error", "wrong", "slow", "broken", "sometimes", "workaround", "some users"),
    "low": ("typo", "cosmetic", "minor", "colour", "wording", "nice to have"),
}
RISKS = ("risk", "fail", "error", "break", "lose", "loss", "unknown", "not tested", "untested", "depend", "delay",
         "rollback", "breaking", "incompatible", "deprecated", "timeout", "missing", "manual", "blocked", "blocker",
         "critical", "regression", "security", "leak", "down")  # fmt: skip
GOOD = (
    "pass",
    "passed",
    "done",
    "completed",
    "verified",
    "approved",
    "fixed",
    "tested",
    "green",
    "stable",
    "resolved",
)
BAD = ("fail", "failing", "blocked", "blocker", "critical", "missing", "not tested", "untested", "open", "unknown",
       "regression", "broken", "error", "high")  # fmt: skip
TOPICS: dict[str, tuple[str, ...]] = {
    "Steps to reproduce": ("steps", "reproduce", "click", "open", "press", "go to", "when"),
    "Expected result": ("expect", "should", "supposed"),
    "Actual result": ("actual", "instead", "shows", "nothing", "error", "happens", "returns"),
    "Version or environment": (
        "version",
        "browser",
        "safari",
        "chrome",
        "firefox",
        "linux",
        "windows",
        "macos",
        "ios",
        "android",
        "production",
        "staging",
    ),
    "Who and how many": ("user", "customer", "everyone", "team", "%", "people"),
    "Since when": ("since", "yesterday", "today", "after", "release", "started", "last"),
}
IDEA_TOPICS: dict[str, tuple[str, ...]] = {
    "For whom": ("user", "customer", "admin", "member", "team", "people", "accountant", "manager", "as a"),
    "Why": ("because", "so that", "in order to", "today", "problem", "reason"),
    "Behaviour": ("must", "should", "can", "want", "able"),
    "When it does not work": ("when", "if", "fail", "error", "empty", "otherwise"),
    "Limits": ("at most", "at least", "within", "only", "maximum", "minimum", "limit"),
    "Who may do it": ("role", "permission", "only", "allowed", "may"),
    "Old data": ("existing", "migrate", "old", "kept", "already"),
    "Measure of success": ("success", "metric", "target", "goal", "measure"),
}
CHANGES: dict[str, tuple[str, ...]] = {
    "Security": ("security", "vulnerability", "cve", "xss", "injection"),
    "Added": ("feat", "add", "new", "introduce", "support", "allow"),
    "Fixed": ("fix", "bug", "resolve", "repair", "correct", "crash"),
    "Removed": ("remove", "drop", "delete", "deprecate"),
    "Documentation": ("docs", "document", "readme"),
    "Changed": (),
}
SCAN_RULES: tuple[Rule, ...] = (
    ("looks like a secret", re.compile(r"(?i)(?:api[_-]?key|secret|password|passwd|token)\s*[:=]\s*['\"]?[\w\-/+]{8,}")),
    ("private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("cloud access key", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("query built from text", re.compile(r"(?i)(?:execute|query|raw)\(\s*f?['\"].*(?:%s|\{|\+)")),
    ("runs text as code", re.compile(r"\beval\(|\bexec\(|new Function\(|pickle\.loads?\(|yaml\.load\(")),
    ("runs a shell", re.compile(r"shell\s*=\s*True|os\.system\(|child_process\.exec\(")),
    ("unescaped HTML", re.compile(r"innerHTML|dangerouslySetInnerHTML|mark_safe\(|\|\s*safe\b")),
    ("certificate check off", re.compile(r"verify\s*=\s*False|rejectUnauthorized:\s*false|InsecureSkipVerify")),
    ("weak hash", re.compile(r"(?i)\b(?:md5|sha1)\(")),
    ("open to everyone", re.compile(r"0\.0\.0\.0|ALLOWED_HOSTS\s*=\s*\[\s*['\"]\*|Access-Control-Allow-Origin:\s*\*")),
)  # fmt: skip
SECURITY_WORDS = ("password", "token", "key", "login", "permission", "admin", "encrypt", "injection", "xss", "csrf",
                  "personal data", "upload", "redirect", "session", "secret", "certificate")  # fmt: skip
VAGUE = ("some", "etc", "maybe", "somehow", "soon", "quickly", "easy", "simple", "various", "several", "tbd", "asap",
         "user-friendly", "better", "fast")  # fmt: skip
