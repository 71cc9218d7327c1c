"""Open311 GeoReport v2 as a format: values to JSON and XML, the odd things that clients send, the OpenAPI part.

It knows no case and no store; `street/api/` does.
"""
