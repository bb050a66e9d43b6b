"""The language in which both programs speak to people: English, Portuguese, or another one of LANGUAGES.

The English stands in the source, and ``_`` marks a text where it is used. The Portuguese stands in
``translations/pt_BR``, a catalogue as gettext has them: docs/languages.md says how to add a language.
What programs read (``BYE``, ``ERR``, JSON, CSV) is the same in all.
"""

import functools
import gettext
import io
import os
import re

#: As users name the languages -> as the folders of their catalogues are named. English needs none.
LANGUAGES = {
    "en": "en",
    "pt": "pt_BR",
}

DOMAIN = "classroom"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "translations")

#: Where a system says which languages its user speaks; the first that says anything counts. But LANGUAGE,
#: a list, is ignored in the locale of programs, which the others name
#: (https://www.gnu.org/software/gettext/manual/html_node/Locale-Environment-Variables.html, and
#: The-LANGUAGE-variable.html).
VARIABLES = "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"
OF_PROGRAMS = "C", "POSIX"

#: What a word may be said of: in the catalogue they stand as ``msgctxt``.
CONTEXTS = "one client", "several clients"

_translation = gettext.translation
_chosen = gettext.NullTranslations()  # set by `choose`, before other threads need it


def _(text):
    """Return *text*, which is not empty, in the language that was chosen."""
    return _chosen.gettext(text)


def of_clients(count, word):
    """Return the *word* that is said of this many clients: in Portuguese one is "recusado", several are
    "recusados". Where that makes no difference, the catalogue has the word without a context."""
    context = CONTEXTS[count != 1]
    said = _chosen.pgettext(context, word)
    return _(word) if said == word else said


def reason(error):
    """Return what an *error* says, in the language that was chosen where that is known."""
    return _(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def decimals(number):
    """Return *number*, as text with a point, as people write it: with a comma in Portuguese."""
    return number.replace(".", _("."))


def choose(language=None):
    """Speak this *language*, one of LANGUAGES, from now on; without one, that of the system."""
    global _chosen
    _chosen = catalogue(language if language in LANGUAGES else of_the_system())
    gettext.textdomain(DOMAIN)
    gettext.translation = translation


def translation(domain, *args, **kwargs):
    """Stand in for ``gettext.translation``: argparse looks for its own words there, by way of
    ``gettext.gettext``, and that one finds catalogues in files only, not in a zip."""
    return _chosen if domain == DOMAIN else _translation(domain, *args, **kwargs)


@functools.lru_cache(maxsize=None)
def catalogue(language):
    """Return the texts in this *language*, one of LANGUAGES; English where they cannot be read.

    They come from where this module came from, a folder or a zip.
    """
    if language == "en":
        return gettext.NullTranslations()
    import struct  # not above: who reads English does not wait for it
    path = os.path.join(FOLDER, LANGUAGES[language], "LC_MESSAGES", DOMAIN + ".mo")
    try:
        return gettext.GNUTranslations(io.BytesIO(__spec__.loader.get_data(path)))
    except (OSError, ValueError, LookupError, struct.error):  # it is missing, or damaged
        return gettext.NullTranslations()


def of_the_system():
    """Return the language that the user of this system speaks, "en" if it is none of ours."""
    locale = next(filter(None, map(os.environ.get, VARIABLES[1:])), "")
    said = locale if locale in OF_PROGRAMS else os.environ.get(VARIABLES[0]) or locale
    return first_of_ours((said or of_windows()).split(":"))


def of_windows():
    """Return the name of the language of Windows' own windows, such as "pt_BR"; on other systems "en"."""
    if os.name != "nt":
        return "en"
    import ctypes
    import locale
    return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "en")


def first_of_ours(names):
    """Return the first of LANGUAGES among *names* such as "pt_BR.UTF-8", "pt-PT;q=0.5", "pt"; else "en"."""
    spoken = [re.match("[a-z]*", name.strip().lower()).group() for name in names]
    return next((language for language in spoken if language in LANGUAGES), "en")
