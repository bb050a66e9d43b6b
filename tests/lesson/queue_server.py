import socket
import sys
import threading
import queue

def recvall(sock, delim):
    data = b""
    while True:
        more = sock.recv(1)

        if more == delim:
            break
        data += more
    return data

class Atendimento(threading.Thread):
    def __init__(self,sc,fila_proc):
        super().__init__()
        self.sc = sc
        self.fila_proc = fila_proc

    def run(self):
        print("Atendendo Cliente",self.sc.getpeername())

        msg = recvall(self.sc,b"\n").decode()

        dados = msg.split(",")
        print("Cliente", self.sc.getpeername(), "enviou",dados)

        self.fila_proc.put(dados)

        self.sc.sendall(b"BYE\n")
        self.sc.close()

class ProcessamentoDados(threading.Thread):
    def __init__(self,fila_proc):
        super().__init__()
        self.fila_proc = fila_proc

    def run(self):
        print("Aguardando dados para processar...")

        temp = {}
        while True:
            dados = self.fila_proc.get()

            temp[dados[0]] = list(map(int,dados[1:]))
            mais_quente = max(temp,key=lambda k : temp.get(k)[0])
            mais_fria = min(temp,key=lambda k : temp.get(k)[1])

            print("Cidade mais quente:", mais_quente,"com",temp[mais_quente][0])
            print("Cidade mais fria:", mais_fria,"com",temp[mais_fria][1])

            self.fila_proc.task_done()

def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(('127.0.0.1', int(sys.argv[1])))
    sock.listen(5)

    print("Ouvindo em", sock.getsockname())

    MAX_THREADS = 4
    l_threads = []

    fila_proc = queue.Queue()
    ProcessamentoDados(fila_proc).start()

    while True:
        sc, sockname = sock.accept()

        l_threads.append(Atendimento(sc, fila_proc))
        l_threads[-1].start()

        while len(l_threads) >= MAX_THREADS:
            l_threads = [t for t in l_threads if t.is_alive()]

    return 0

main()
