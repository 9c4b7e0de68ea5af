"""Why a model fails: the cause of each wrong pixel, what its repair would bring, and on which objects it happens.

Words: an *object* is an 8-connected region of one class of the truth; *ground* is the background class. Ignored pixels
of the truth are neither right nor wrong. Nothing here needs torch.
"""
