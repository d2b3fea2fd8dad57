"""Figures for Prometheus; needs the extra ``metrics``."""
