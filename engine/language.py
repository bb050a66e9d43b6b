"""The language in which the server speaks to people: English or Portuguese.

The English stands in the source, and ``_`` marks a text where it is used. The Portuguese stands in
``translations/pt_BR``, a catalogue as gettext has them: docs/languages.md. What programs read (``BYE``,
``ERR``, JSON, CSV) is the same in both.
"""

import gettext
import os
import struct

#: As users name the languages -> as the catalogues are named. English needs none.
LANGUAGES = {"en": "en", "pt": "pt_BR"}

DOMAIN = "classroom"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "translations")

#: Where a system says which languages its user speaks; the first that says anything counts
#: (https://www.gnu.org/software/gettext/manual/html_node/Locale-Environment-Variables.html).
VARIABLES = "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"

#: Portuguese, of whatever country, among the primary languages that Windows knows
#: (https://learn.microsoft.com/windows/win32/intl/language-identifier-constants-and-strings).
LANG_PORTUGUESE, PRIMARY = 0x16, 0x3FF

_chosen = gettext.NullTranslations()  # set by `choose`, before other threads need it


def _(text):
    """Return *text*, which is not empty, in the language that was chosen."""
    return _chosen.gettext(text)


def reason(error):
    """Return what an *error* says, in the language that was chosen where that is known."""
    return _(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def decimals(number):
    """Return *number*, as text with a point, as people write it: with a comma in Portuguese."""
    return number.replace(".", _("."))


def choose(language=None):
    """Speak this *language*, "en" or "pt", from now on; without one, that of the system."""
    global _chosen
    language = language if language in LANGUAGES else of_the_system()
    _chosen = catalogue(language)
    can_speak = isinstance(_chosen, gettext.GNUTranslations)
    os.environ["LANGUAGE"] = LANGUAGES[language] if can_speak else "en"  # argparse asks gettext itself
    gettext.bindtextdomain(DOMAIN, FOLDER)
    gettext.textdomain(DOMAIN)


def catalogue(language):
    """Return the texts in this *language*, "en" or "pt"; English where they cannot be read."""
    try:
        return gettext.translation(DOMAIN, FOLDER, [LANGUAGES[language]])
    except (OSError, ValueError, LookupError, struct.error):  # it is missing, or damaged
        return gettext.NullTranslations()


def of_the_system():
    """Return the language that the user of this system speaks, "en" if it is none of ours."""
    said = next(filter(None, map(os.environ.get, VARIABLES)), "")
    if not said and os.name == "nt":
        import ctypes
        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return "pt" if number & PRIMARY == LANG_PORTUGUESE else "en"
    spoken = [name[:2].lower() for name in said.split(":")]
    return next((language for language in spoken if language in LANGUAGES), "en")
