"""A real OpenID provider for the tests: the npm package ``oidc-provider``, run by Node.js.

``package-lock.json`` pins it. After a change of ``package.json``:
``npm install --package-lock-only --omit-lockfile-registry-resolved=true``.
"""
