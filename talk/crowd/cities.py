"""Cities: a reading for each client of a crowd."""

#: City, maximum and minimum in degrees Celsius, roughly those of a usual day there: whole, since
#: the lesson's own server takes no decimals, and named with letters that every console has.
CITIES = [
    ("Recife", 30, 23), ("Teresina", 38, 24), ("Garanhuns", 25, 15), ("Campina Grande", 28, 19),
    ("Olinda", 30, 24), ("Patos", 36, 23), ("Natal", 29, 23), ("Fortaleza", 31, 24),
    ("Petrolina", 34, 22), ("Caruaru", 29, 18), ("Triunfo", 26, 16), ("Salvador", 28, 22),
    ("Aracaju", 29, 24), ("Picos", 37, 23), ("Sobral", 35, 22), ("Manaus", 33, 24),
    ("Porto Velho", 33, 21), ("Rio Branco", 32, 20), ("Boa Vista", 34, 25), ("Palmas", 35, 22),
    ("Campo Grande", 31, 19), ("Belo Horizonte", 27, 17), ("Diamantina", 24, 14),
    ("Rio de Janeiro", 29, 21), ("Santos", 27, 20), ("Campinas", 28, 16), ("Curitiba", 23, 13),
    ("Londrina", 27, 16), ("Joinville", 26, 17), ("Lages", 21, 11), ("Urubici", 19, 8),
    ("Porto Alegre", 25, 15), ("Gramado", 21, 11), ("Uruguaiana", 26, 14)]


def reading_of(number):
    """Return a city, different for each *number*, and its maximum and minimum in degrees."""
    again, place = divmod(number - 1, len(CITIES))
    city, maximum, minimum = CITIES[place]
    if not again:
        return city, maximum, minimum
    shift = (place + again) % 5 - 2
    return "{} {}".format(city, again + 1), maximum + shift, minimum + shift
