"""A queue: the clients' threads put readings in; a consumer takes them out, and shows the extremes.
Still wrong: no limit of threads (3_limited.py); the end of the program forgets it all (server.py --db)."""
import contextlib, queue, signal, socketserver, sys, threading, time
readings, highs, lows = queue.Queue(), {}, {}

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):  # the client may go away at any moment
            line, reply = self.rfile.readline(65537), b"ERR expected city,max,min such as Recife,31.5,24\n"
            with contextlib.suppress(ValueError):  # no line feed, not UTF-8, not three fields, no number
                city, high, low = line[:line.index(b"\n")].decode().split(",")
                city.encode(sys.stdout.encoding)  # what our screen cannot show is a ValueError, too
                if city.strip() and city.isprintable() and -100 < float(low) <= float(high) < 100:
                    readings.put((city, float(high), float(low)))
                    reply = b"BYE\n"
            self.wfile.write(reply)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = sys.platform != "win32"  # on Windows two servers could share the port
    request_queue_size = 100  # so many may wait to be accepted: the lesson's listen(5)
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends it at once, whatever it waits for
try: server = Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 50000), Handler)
except (OSError, OverflowError, ValueError) as error: sys.exit("Cannot listen (%s): take another port" % error)
print("Listening on", server.server_address, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:  # the consumer: no other thread touches the two dicts, so they need no lock
    city, highs[city], lows[city] = readings.get()
    time.sleep(0)  # the work: make it 1, a second, and see who waits for whom
    hot, cold = max(highs, key=highs.get), min(lows, key=lows.get)
    print("Hottest city: %s with %s\nColdest city: %s with %s" % (hot, highs[hot], cold, lows[cold]), flush=True)
