"""The on-board agent: runs one worker under a memory budget and samples the board while it lives.

It talks JSON lines over stdin/stdout, needs the standard library only, and is clean for Python 3.6 and up,
because JetPack 4 comes with nothing newer. Deployed as a plain folder, hence relative imports only.
"""

VERSION = "0.1.0"
