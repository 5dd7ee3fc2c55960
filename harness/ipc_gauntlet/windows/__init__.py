"""What the harness needs of Windows itself: pipes with overlapped I/O, their security, job objects.

Only the modules for win32 of other packages import from here. It is ctypes on documented functions of the Win32 API, and
nothing else: pywin32 would be a large dependency of every user for thirty functions, and `_winapi` and `_overlapped` of the
standard library are private, have no completion ports or no types, and take no security descriptor everywhere.
"""
