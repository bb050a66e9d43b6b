"""It waits for its client to leave, and takes a reset for impossible there."""

from serve import answer


def mistake(listener):
    while True:
        conn, address = listener.accept()
        other = conn.dup()
        answer(conn)
        other.recv(1024)  # until it leaves
        other.close()


def mended(listener):
    while True:
        conn, address = listener.accept()
        try:
            other = conn.dup()
            answer(conn)
            other.recv(1024)  # until it leaves
        except OSError as error:
            print(error)
        other.close()
