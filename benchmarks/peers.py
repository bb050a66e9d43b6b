"""The servers to compare with: each answers lines in capitals, as plainly as its library allows.

    python benchmarks/peers.py NAME [--keep-open] [--work SECONDS]

prints the port it listens on. Without --keep-open it closes after the first reply. The bare loop
sleeps for --work SECONDS before it answers.
"""

import socket
import socketserver
import sys
import threading
import time

BACKLOG = 128
KEEP_OPEN = "--keep-open" in sys.argv
WORK = float(sys.argv[sys.argv.index("--work") + 1]) if "--work" in sys.argv else 0.0


def announce(port):
    print("Listening on 127.0.0.1:%d" % port, flush=True)


def bare():
    """An accept loop in four threads, no classes at all: the limit of what Python can do."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(BACKLOG)
    announce(listener.getsockname()[1])

    def loop():
        while True:
            connection, _ = listener.accept()
            while True:
                received = connection.recv(65536)
                if not received:
                    break
                if WORK:
                    time.sleep(WORK)
                connection.sendall(received.decode().upper().encode())
                if not KEEP_OPEN:
                    break
            connection.close()
    threads = [threading.Thread(target=loop) for _ in range(4)]
    for thread in threads:
        thread.start()


def obvious():
    """ThreadingTCPServer with a semaphore, as anyone would write it."""
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(line.decode().upper().encode())
                if not KEEP_OPEN:
                    break

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = BACKLOG
        slots = threading.Semaphore(4)

        def process_request(self, request, client_address):
            self.slots.acquire()
            super().process_request(request, client_address)

        def process_request_thread(self, request, client_address):
            try:
                super().process_request_thread(request, client_address)
            finally:
                self.slots.release()
    with Server(("127.0.0.1", 0), Handler) as server:
        announce(server.server_address[1])
        server.serve_forever()


def asyncio_streams():
    import asyncio

    async def handle(reader, writer):
        while True:
            line = await reader.readline()
            if not line:
                break
            writer.write(line.decode().upper().encode())
            await writer.drain()
            if not KEEP_OPEN:
                break
        writer.close()

    async def main():
        server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=BACKLOG)
        announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()
    asyncio.run(main())


def asyncio_protocol(run=None):
    import asyncio

    class Capitals(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport
            self.partial = b""

        def data_received(self, data):
            *lines, self.partial = (self.partial + data).split(b"\n")
            for line in lines:
                self.transport.write(line.decode().upper().encode() + b"\n")
                if not KEEP_OPEN:
                    self.transport.close()
                    break

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Capitals, "127.0.0.1", 0, backlog=BACKLOG)
        announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()
    (run or asyncio.run)(main())


def uvloop_protocol():
    import uvloop
    asyncio_protocol(uvloop.run)


def gevent_streamserver():
    from gevent.server import StreamServer

    def handle(connection, address):
        lines = connection.makefile("rb")
        for line in lines:
            connection.sendall(line.decode().upper().encode())
            if not KEEP_OPEN:
                break
        lines.close()
    server = StreamServer(("127.0.0.1", 0), handle, backlog=BACKLOG)
    server.start()
    announce(server.server_port)
    server.serve_forever()


def twisted_linereceiver():
    from twisted.internet import protocol, reactor
    from twisted.protocols.basic import LineOnlyReceiver

    class Capitals(LineOnlyReceiver):
        delimiter = b"\n"
        MAX_LENGTH = 65536

        def lineReceived(self, line):
            self.sendLine(line.decode().upper().encode())
            if not KEEP_OPEN:
                self.transport.loseConnection()
    factory = protocol.ServerFactory()
    factory.protocol = Capitals
    factory.noisy = False
    port = reactor.listenTCP(0, factory, backlog=BACKLOG, interface="127.0.0.1")
    announce(port.getHost().port)
    reactor.run()


PEERS = {
    "bare accept loop": (bare, None),
    "obvious ThreadingTCPServer": (obvious, None),
    "asyncio streams": (asyncio_streams, None),
    "asyncio Protocol": (asyncio_protocol, None),
    "gevent StreamServer": (gevent_streamserver, "gevent"),
    "Twisted LineOnlyReceiver": (twisted_linereceiver, "twisted"),
    "uvloop Protocol": (uvloop_protocol, "uvloop"),
}

if __name__ == "__main__":
    PEERS[sys.argv[1]][0]()
