"""The free vendors that need no key and no network: a voice, a talking head, a typed code screen, an animation.

`voice.speak`, `avatar.talk`, `code_screen.type_code` and `animation.animate` each draw in a child process, answer
`Facts` about the file they wrote, and raise `LocalVendorError`. Equal jobs give equal bytes.
"""
