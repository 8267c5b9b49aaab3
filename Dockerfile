FROM python:3.13-slim

RUN useradd --create-home asyncify && install -d -o asyncify /data
WORKDIR /src
COPY pyproject.toml README.md LICENSE app.yaml ./
COPY bot bot
COPY rules rules
RUN pip install --no-cache-dir .

USER asyncify
WORKDIR /data
VOLUME /data
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz')"]
ENTRYPOINT ["asyncify"]
CMD ["serve"]
