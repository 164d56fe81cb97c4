"""The model server: prompts and images in, masks out, over SageMaker's two addresses. It knows no tenant and no job."""
