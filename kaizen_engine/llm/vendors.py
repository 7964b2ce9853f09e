"""The wires that model vendors speak, and where the vendors themselves serve them."""

from collections.abc import Mapping
from enum import StrEnum


class Wire(StrEnum):
    """`openai` is chat completions, which most servers speak; Groq differs in a parameter."""

    OPENAI = "openai"
    GROQ = "groq"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


VENDOR_URLS: Mapping[str, str] = {
    Wire.ANTHROPIC: "https://api.anthropic.com/v1",
    Wire.GEMINI: "https://generativelanguage.googleapis.com/v1beta",
    Wire.GROQ: "https://api.groq.com/openai/v1",
}
