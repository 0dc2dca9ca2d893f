"""What goes over the wire: Pydantic models under RomM's own schema names, one file per noun.

Answers derive from ``common.Schema``; objects whose keys may be absent are typed dictionaries,
because a model would send such a key as null. Request models are plain ``BaseModel``; where the
protocol's own name is no name for a class (``Body_...``) it stands in the model's title. Rules
live in the features: a model computes a field only where the protocol says it is derived.

To add one: write the class in its noun's file with the protocol's name, types and required
fields; the contract test finds it by that name.
"""
