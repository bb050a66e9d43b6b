"""Temperatures in a dict that all threads share, and a lock: who has it is alone with the dict.
Still wrong: each waits for all who had the lock before (5_queue.py); no limit of threads (3_limited.py)."""
import contextlib, signal, socketserver, sys, threading, time
temp, lock = {}, threading.Lock()

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):  # the client may go away at any moment
            line, reply = self.rfile.readline(65537), b"ERR expected city,max,min such as Recife,31.5,24\n"
            with contextlib.suppress(ValueError):  # no line feed, not UTF-8, not three fields, no number
                city, high, low = line[:line.index(b"\n")].decode().split(",")
                city.encode(sys.stdout.encoding)  # what our screen cannot show is a ValueError, too
                if city.strip() and city.isprintable() and -100 < float(low) <= float(high) < 100:
                    with lock:
                        time.sleep(0)  # the work: make it 1, a second, and see who waits for whom
                        print("Client", self.client_address, "sent", [city, high, low])
                        temp[city] = float(high), float(low)
                        print(temp, flush=True)
                    reply = b"BYE\n"
            self.wfile.write(reply)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = sys.platform != "win32"  # on Windows two servers could share the port
    request_queue_size = 100  # so many may wait to be accepted: the lesson's listen(5)
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends it at once, whatever it waits for
try: server = Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 50000), Handler)
except (OSError, OverflowError, ValueError) as error: sys.exit("Cannot listen (%s): take another port" % error)
print("Listening on", server.server_address, flush=True)
server.serve_forever()
