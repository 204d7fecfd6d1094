import gc
import weakref


class Node:
    pass


node = Node()
node.me = node
ref = weakref.ref(node)
del node
gc.collect()
_result = ref() is None
