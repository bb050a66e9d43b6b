"""A process for each client: it has a memory of its own, and may compute while the others do.
Still wrong: what one process stores no other one sees. 4_lock.py, with threads, mends it."""
import contextlib, signal, socketserver, sys, time

if not hasattr(socketserver, "ForkingTCPServer"):
    sys.exit("This needs fork(), which Windows does not have: run 2_threads.py there.")

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.socket.close()  # this process is a copy: the original goes on listening
        print("Serving client", self.client_address, flush=True)
        with contextlib.suppress(OSError):  # the client may go away at any moment
            line = self.rfile.readline(65537).decode(errors="replace")  # until "\n"; at most 64 KB
            time.sleep(0)  # the work: make it 1, a second, and see who waits for whom
            self.wfile.write(line.upper().encode() if line.endswith("\n") else b"ERR expected a line feed\n")

class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = sys.platform != "win32"  # on Windows two servers could share the port
    request_queue_size = 100  # so many may wait to be accepted: the lesson's listen(5)
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends it at once, whatever it waits for
try: server = Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 50000), Handler)
except (OSError, OverflowError, ValueError) as error: sys.exit("Cannot listen (%s): take another port" % error)
print("Listening on", server.server_address, flush=True)
server.serve_forever()
