"""The npm package ``socket.io-client``, as browsers have it, run by Node.js.

``package-lock.json`` pins it. After a change of ``package.json``:
``npm install --package-lock-only --omit-lockfile-registry-resolved=true``.
"""
