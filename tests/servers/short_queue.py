"""Two fit into its queue, and it is not quick to take them out of it."""

import threading
import time

from serve import answer


def mistake(listener):
    listener.listen(1)
    while True:
        conn, address = listener.accept()
        time.sleep(0.01)  # it looks up the client's name
        threading.Thread(target=answer, args=(conn,), daemon=True).start()


def mended(listener):
    listener.listen(50)
    while True:
        conn, address = listener.accept()
        time.sleep(0.01)  # it looks up the client's name
        threading.Thread(target=answer, args=(conn,), daemon=True).start()
