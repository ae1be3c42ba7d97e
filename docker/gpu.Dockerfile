# The same as Dockerfile on NVIDIA's runtime; run with `--gpus all`. torch brings its own CUDA libraries.
FROM nvidia/cuda:13.0.2-base-ubuntu24.04

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libgomp1 libusb-1.0-0 python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/mapforge
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
COPY conf conf
COPY flows flows
COPY data/models data/models
ENV PATH=/opt/venv/bin:$PATH
RUN python3 -m venv /opt/venv \
    && pip install --no-cache-dir uv \
    && uv pip install --python /opt/venv/bin/python --no-cache -c constraints.txt ".[flows,postgres]"

RUN useradd --create-home --uid 10001 mapforge \
    && mkdir -p /data && chown mapforge:mapforge /data
USER mapforge

ENV PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
VOLUME /data
WORKDIR /data
ENTRYPOINT ["mapforge"]
CMD ["--help"]
