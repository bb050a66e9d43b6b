"""The client's side, a room a job.

`conversation` comes first: it is the lesson's client, and all else is built around it. What is typed
(`prompts`) or given (`sending`, `spreadsheets`) becomes its messages; `answers` reads its replies;
`connecting` and `waiting` are how it reaches a server. `crowd` is many conversations at once;
`examiner` finds out by trying what is wrong with a server.
"""
