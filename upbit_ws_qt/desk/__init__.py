"""One exchange line for many programs: a relay gives what it receives to a NATS server, programs take it from there.

Nothing here is imported unless a relay runs or `ServiceConfig.for_desk` is used; it needs the extra `desk`.
"""
