"""The examiner: finds out by trying what is wrong with a server, and says how to mend it.

`table` comes first: the checks, in their order. Each is a function with its sentences, in a room with
those that are about the same: `answering`, `mixing`, `framing`, `slots`, `blows`, `readings`. They ask
the `examinee`, the server as far as it is known; what it does with a first message is found out in
`meeting`. `examination` goes through the table, and `sheet` prints what comes of it.
"""
