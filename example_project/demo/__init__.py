"""Every data flow and query pattern of the specification, run on a real MongoDB.

Start reading at ``management/commands/demo.py``; each module beside it tells one part.
"""
